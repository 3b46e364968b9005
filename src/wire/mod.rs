//! How to talk to a server, an engine and a process: the I/O that `discover` and `execute` share. It decides nothing.

pub mod catalog;
pub mod engine;
pub mod files;
pub mod history;
pub mod postgres;
pub mod process;
pub mod sockets;
pub mod tls;
pub mod watch;
