//! Encoding in graphics hardware, which is used only where it was tried: [`trial`] encodes two
//! seconds, decodes them and compares, and [`picture`] is what they show. What does not belong
//! here: how an encoder is opened (`av::hardware`).

pub mod picture;
pub mod trial;
