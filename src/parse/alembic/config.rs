//! stub until the reader is merged
use crate::model::chain::AlembicConfig;
use std::path::{Path, PathBuf};
pub fn from_ini(
    _f: &Path,
    _t: &str,
    _h: &Path,
    _s: &str,
    _p: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<AlembicConfig, String> {
    Err("stub".into())
}
pub fn from_pyproject(
    _f: &Path,
    _t: &str,
    _h: &Path,
    _p: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<AlembicConfig, String> {
    Err("stub".into())
}
pub fn version_table(_e: &str) -> (Option<String>, Option<String>) {
    (None, None)
}
