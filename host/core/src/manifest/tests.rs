//! Rules of the validated form that no `.toml` and `.err` pair shows.
