//! The console as a browser meets it, without one: every route, its headers, its doors, and what attackers write into its pages.

mod attack;
mod doors;
mod invited;
mod lists;
mod pages;
mod support;
