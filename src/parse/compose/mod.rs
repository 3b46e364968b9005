pub mod interpolate;
