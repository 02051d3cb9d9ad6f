//! The command-line tool from outside: text, exit codes, files.

mod bad_input;
mod cache;
mod config;
mod cost;
mod digits;
mod feeds;
mod formats;
mod front_end;
mod half;
mod idle;
mod inputs;
mod notes;
mod parts;
mod place;
mod planning;
mod readme;
mod report;
mod search;
mod stored;
#[cfg(unix)]
mod terminal;
mod writing;
