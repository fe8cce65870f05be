//! The end-to-end tests: the real server and worker, real files, a real browser. One program, so
//! that it is linked once and its tests share clips. A case belongs to the module of its story.

mod bucket;
mod command_line;
mod copied;
mod corpus;
mod crash;
mod cutetube;
mod deb;
mod desktop;
mod discovery;
mod edge;
mod full;
mod hardware;
mod hostile;
mod jobs;
mod joined;
mod openapi;
mod pages;
mod pictures;
mod playback;
mod posters;
mod proof;
mod sandbox;
mod story;
mod surround;
mod sweep;
mod thumbs;
mod tray;
mod uploads;
mod watch;
mod webdav;
mod withstand;
mod words;
