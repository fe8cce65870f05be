//! The picture as it is: segments that hold the source's own coded pictures, none decoded, none
//! encoded. `examine` and `propose` decide during the inspection, `make` writes the segments.

pub mod examine;
pub mod make;
pub mod propose;
