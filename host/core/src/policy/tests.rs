//! Rules of deciding, as data and as properties.
