//! STUB
use std::sync::Arc; use std::path::PathBuf; use std::io;
use crate::domain::{fault::Fault, files::FileSet, id::{AccountId, ConfigHash}};
/// s
#[derive(Debug, Clone)]
pub struct SourceFile { /// p
 pub path: Arc<str>, /// h
 pub hash: [u8;16], /// b
 pub bytes: Vec<u8> }
/// l
#[derive(Debug, Clone, Default)] pub struct Library;
impl Library {
 /// r
 pub fn read(&self, _c: Vec<SourceFile>, _g: &[Arc<str>]) -> Result<Library, Vec<Fault>> { Ok(Library) }
 /// f
 pub fn file_set(&self, _a: &Library, account: &AccountId, _acc: Option<ConfigHash>) -> Result<FileSet, Vec<Fault>> {
  Ok(FileSet{hash: ConfigHash([0;16]), accepted: false, account: account.clone(), agents: vec![], splits: vec![], prefixes: vec![], defaults: vec![], routes: vec![], files: vec![], put: vec![], released: vec![], numbers_before: 0}) }
}
/// g
pub struct LastGood(PathBuf);
impl LastGood {
 /// n
 pub fn new(p: PathBuf) -> Self { Self(p) }
 /// l
 pub fn load(&self, _h: ConfigHash) -> io::Result<Vec<SourceFile>> { Ok(vec![]) }
 /// s
 pub fn save(&self, _h: &ConfigHash, _l: &Library, _c: &[SourceFile]) -> io::Result<()> { let _ = &self.0; Ok(()) }
 /// f
 pub fn forget_others(&self, _h: ConfigHash) -> io::Result<()> { Ok(()) }
}
