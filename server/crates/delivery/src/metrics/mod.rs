//! `/metrics`: what the server did and how it is, as Prometheus reads it. `requests` counts while
//! requests pass, `text` writes, `page` gathers what is asked for at that moment.

pub(crate) mod page;
pub(crate) mod requests;
mod text;
