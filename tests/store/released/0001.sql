-- A store of revision 0001 with rows in every table.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE profile_groups (
	id TEXT NOT NULL,
	parent_id TEXT,
	name TEXT NOT NULL,
	position INTEGER DEFAULT 0 NOT NULL,
	color TEXT,
	PRIMARY KEY (id),
	UNIQUE (parent_id, name),
	FOREIGN KEY(parent_id) REFERENCES profile_groups (id) ON DELETE SET NULL
);

CREATE TABLE profiles (
	id TEXT NOT NULL,
	name TEXT COLLATE "NOCASE" NOT NULL,
	group_id TEXT,
	position INTEGER DEFAULT 0 NOT NULL,
	content TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name),
	FOREIGN KEY(group_id) REFERENCES profile_groups (id) ON DELETE SET NULL
);

CREATE TABLE history (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	started_at INTEGER NOT NULL,
	profile_id TEXT,
	connection TEXT NOT NULL,
	"database" TEXT,
	statement TEXT NOT NULL,
	parameters TEXT,
	outcome TEXT NOT NULL,
	seconds REAL,
	rows INTEGER,
	rows_affected INTEGER,
	error_code TEXT,
	error TEXT
);

CREATE INDEX history_by_time ON history (started_at);

CREATE INDEX history_failed ON history (id) WHERE outcome = 'failed';

CREATE VIRTUAL TABLE history_search USING fts5(statement, connection, content='history', content_rowid='id', tokenize='unicode61 remove_diacritics 2');

CREATE TRIGGER history_added AFTER INSERT ON history BEGIN INSERT INTO history_search(rowid, statement, connection) VALUES (new.id, new.statement, new.connection); END;

CREATE TRIGGER history_removed AFTER DELETE ON history BEGIN INSERT INTO history_search(history_search, rowid, statement, connection) VALUES ('delete', old.id, old.statement, old.connection); END;

CREATE TABLE settings (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE saved_queries (
	id TEXT NOT NULL,
	folder TEXT DEFAULT '' NOT NULL,
	name TEXT NOT NULL,
	statement TEXT NOT NULL,
	description TEXT,
	profile_id TEXT,
	parameters TEXT DEFAULT '[]' NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (folder, name),
	FOREIGN KEY(profile_id) REFERENCES profiles (id) ON DELETE SET NULL
);

CREATE TABLE saved_query_tags (
	query_id TEXT NOT NULL,
	tag TEXT NOT NULL,
	PRIMARY KEY (query_id, tag),
	FOREIGN KEY(query_id) REFERENCES saved_queries (id) ON DELETE CASCADE
);

CREATE TABLE workspace (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE workspace_panels (
	id TEXT NOT NULL,
	generation INTEGER NOT NULL,
	panel TEXT NOT NULL,
	state TEXT NOT NULL,
	saved_at INTEGER NOT NULL,
	closed_at INTEGER,
	PRIMARY KEY (id, generation)
);

INSERT INTO alembic_version VALUES ('0001');

INSERT INTO profile_groups VALUES ('g1', NULL, 'Work', 0, NULL);
INSERT INTO profiles VALUES ('p1', 'shop', 'g1', 0, '{}', 1, 1), ('p2', 'local', NULL, 1, '{}', 1, 1);
INSERT INTO history (started_at, profile_id, connection, statement, outcome) VALUES
  (1, 'p1', 'shop', 'select 1', 'ok'), (2, 'p1', 'shop', 'select * from orders', 'failed'), (3, NULL, 'sqlite:///x', 'x', 'ok');
INSERT INTO settings VALUES ('history.keep_days', '30');
INSERT INTO saved_queries VALUES ('q1', 'daily', 'orders', 'select :day', NULL, 'p1', '[]', 1, 1);
INSERT INTO saved_query_tags VALUES ('q1', 'sales');
INSERT INTO workspace VALUES ('layout', '{}');
INSERT INTO workspace_panels VALUES ('editor-1', 1, 'editor', '{"text": "select 1"}', 1, NULL);
