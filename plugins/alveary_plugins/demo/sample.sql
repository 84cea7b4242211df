-- The sample database: a small record shop. Everything in it is invented.

create table artist (
    id   integer primary key,
    name text not null unique
);

create table album (
    id        integer primary key,
    artist_id integer not null references artist (id),
    title     text not null,
    released  date not null,
    unique (artist_id, title)
);

create table genre (
    id   integer primary key,
    name text not null unique
);

create table track (
    id           integer primary key,
    album_id     integer not null references album (id),
    genre_id     integer references genre (id),
    position     integer not null,
    title        text not null,
    milliseconds integer not null check (milliseconds > 0),
    unit_price   numeric(10, 2) not null default 0.99
);

create table customer (
    id      integer primary key,
    name    text not null,
    email   text,                      -- NULL: never given; '': refused
    country text not null,
    joined  date not null
);

create table invoice (
    id          integer primary key,
    customer_id integer not null references customer (id),
    invoiced_on date not null,
    total       numeric(10, 2) not null default 0
);

create table invoice_line (
    id         integer primary key,
    invoice_id integer not null references invoice (id) on delete cascade,
    track_id   integer not null references track (id),
    unit_price numeric(10, 2) not null,
    quantity   integer not null default 1
);

create index track_by_album on track (album_id, position);
create index invoice_by_customer on invoice (customer_id, invoiced_on);
create index line_by_track on invoice_line (track_id);

/* The total of an invoice follows its lines. */
create trigger invoice_total after insert on invoice_line
begin
    update invoice
       set total = round(total + new.unit_price * new.quantity, 2)
     where id = new.invoice_id;
end;

create view track_with_artist as
select track.id, track.title, album.title as album, artist.name as artist, genre.name as genre, track.unit_price
  from track
  join album on album.id = track.album_id
  join artist on artist.id = album.artist_id
  left join genre on genre.id = track.genre_id;

insert into artist (id, name) values
    (1, 'The Honey Guides'), (2, 'Wax & Wane'), (3, 'Queen Substance'), (4, 'Löwenzahn Quartett'),
    (5, 'Drone Assembly'), (6, 'O''Hara''s Hexagons'), (7, '蜂蜜工房'), (8, 'Smoker; Veil'),
    (9, 'Late Swarm'), (10, 'Royal Jelly Roll'), (11, 'Apis Noire'), (12, 'The Waggle');

insert into genre (id, name) values (1, 'Folk'), (2, 'Jazz'), (3, 'Ambient'), (4, 'Rock'), (5, 'Chamber');

-- Three albums for each artist.
insert into album (artist_id, title, released)
with recursive number (n) as (select 1 union all select n + 1 from number where n < 3)
select artist.id,
       case n when 1 then 'First Flight' when 2 then 'Under the Lid' else 'Winter Cluster' end,
       date('2015-03-01', '+' || (artist.id * 97 + n * 411) || ' days')
  from artist, number;

-- Eight tracks on each album; every seventh has no genre.
insert into track (album_id, genre_id, position, title, milliseconds, unit_price)
with recursive number (n) as (select 1 union all select n + 1 from number where n < 8),
     word (n, first, second) as (
        values (1, 'Clover', 'at Noon'), (2, 'Linden', 'Road'), (3, 'Nectar', 'Flow'), (4, 'Frame', 'by Frame'),
               (5, 'Propolis', 'Waltz'), (6, 'Foragers', 'Return'), (7, 'Rain', 'on Tin'), (8, 'Sealed', 'Brood'))
select album.id,
       case when (album.id * 8 + number.n) % 7 = 0 then null else (album.id + number.n) % 5 + 1 end,
       number.n,
       one.first || ' ' || two.second,
       120000 + (album.id * 7919 + number.n * 104729) % 240000,
       case when number.n = 8 then 1.29 else 0.99 end
  from album, number
  join word as one on one.n = (album.id + number.n) % 8 + 1
  join word as two on two.n = (album.id * 3 + number.n) % 8 + 1;

insert into customer (name, email, country, joined) values
    ('Ada Blum', 'ada@example.org', 'Germany', '2022-11-02'), ('Bruno Rossi', 'bruno@example.org', 'Italy', '2022-11-19'),
    ('Chidi Okafor', NULL, 'Nigeria', '2022-12-01'), ('Dorota Nowak', 'dorota@example.org', 'Poland', '2022-12-24'),
    ('Émile Roche', '', 'France', '2023-01-05'), ('Fatima Zahra', 'fatima@example.org', 'Morocco', '2023-01-11'),
    ('Gus Andersen', 'gus@example.org', 'Denmark', '2023-01-30'), ('Hana Sato', 'hana@example.org', 'Japan', '2023-02-14'),
    ('Imre Kiss', NULL, 'Hungary', '2023-02-20'), ('Jun Li', 'jun@example.org', 'China', '2023-03-03'),
    ('Kaia Tamm', 'kaia@example.org', 'Estonia', '2023-03-17'), ('Lou Baptiste', 'lou@example.org', 'Haiti', '2023-04-01');

-- A year of invoices, each with two to four lines.
insert into invoice (customer_id, invoiced_on)
with recursive number (n) as (select 0 union all select n + 1 from number where n < 179)
select n * 5 % 12 + 1, date('2024-01-01', '+' || (n * 2) || ' days') from number;

insert into invoice_line (invoice_id, track_id, unit_price, quantity)
with recursive number (n) as (select 1 union all select n + 1 from number where n < 4)
select invoice.id, track.id, track.unit_price, (invoice.id + n) % 3 / 2 + 1
  from invoice, number
  join track on track.id = (invoice.id * invoice.id * 31 + n * 577) % 288 + 1
 where n <= 2 + invoice.id % 3
 order by invoice.id, n;

analyze;
