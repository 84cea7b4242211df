"""The engines that come with Alveary, each a plugin of its own."""
