//! The metrics of one process: who writes which family on the page.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::TextEncoder;

use super::TelemetryError;
use super::metrics::Metric;
use super::page::{Family, Kind, Labels, Page};

/// Writes some families when somebody asks; stays silent otherwise.
pub trait Source: Send + Sync {
    /// The families it writes, always the same.
    fn families(&self) -> &[Family];

    /// Writes each of its families once.
    ///
    /// Runs off the call path; may take milliseconds, must not wait for workers.
    fn write(&self, page: &mut Page);
}

/// All metrics of a process, passed to whoever adds some; clones are the same registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    simple: prometheus::Registry,
    families: Mutex<Families>,
}

#[derive(Default)]
struct Families {
    names: BTreeSet<String>,
    sources: Vec<Arc<dyn Source>>,
}

impl Registry {
    /// A registry without metrics.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner { simple: prometheus::Registry::new(), families: Mutex::default() }))
    }

    /// Adds families that are summed up when they are read.
    ///
    /// # Errors
    /// When the name or help of a family is not as Prometheus wants it, or the name is taken; then none is added.
    pub fn add(&self, source: impl Source + 'static) -> Result<(), TelemetryError> {
        let mut families = self.families();
        let mut names = families.names.clone();
        for family in source.families() {
            claim(&mut names, family.name, family.help, family.kind)?;
        }
        families.names = names;
        families.sources.push(Arc::new(source));
        Ok(())
    }

    /// Makes and adds a metric that may be shared; what [`metrics!`](crate::metrics!) calls for each field.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn declare<M: Metric>(&self, name: &str, help: &str, labels: &[&str]) -> Result<M, TelemetryError> {
        let metric = M::make(name, help, labels).map_err(|e| invalid(name, e.to_string()))?;
        claim(&mut self.families().names, name, help, M::KIND)?;
        self.0.simple.register(Box::new(metric.clone())).map_err(|e| invalid(name, e.to_string()))?;
        Ok(metric)
    }

    /// Adds `cordboard_build_info`, which is always 1 and tells by its label which version runs.
    ///
    /// # Errors
    /// When it was added before.
    pub fn add_build(&self, version: &str) -> Result<(), TelemetryError> {
        self.add(Build(Labels::new(&[("version", version)])))
    }

    /// The page as Prometheus reads it, of type [`CONTENT_TYPE`](super::page::CONTENT_TYPE).
    ///
    /// Takes no worker's time, but tens of milliseconds of its own with 10,000 series: not for a thread that serves
    /// calls.
    #[must_use]
    pub fn page(&self) -> String {
        let sources = self.families().sources.clone();
        let mut page = Page::new();
        // Metrics of the crate are checked as they are added, so that the encoder has nothing to refuse.
        page.append(&TextEncoder::new().encode_to_string(&self.0.simple.gather()).unwrap_or_default());
        for source in sources {
            source.write(&mut page);
        }
        page.into_text()
    }

    fn families(&self) -> MutexGuard<'_, Families> {
        self.0.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.families().names).finish()
    }
}

struct Build(Labels);

const BUILD: Family = Family {
    name: "cordboard_build_info",
    help: "Always 1; the version that runs is in the label.",
    kind: Kind::Gauge,
};

impl Source for Build {
    fn families(&self) -> &[Family] {
        &[BUILD]
    }

    fn write(&self, page: &mut Page) {
        page.family(&BUILD).line(&self.0, 1_u64);
    }
}

/// Takes a name, once, if `promtool check metrics` would find nothing to say.
fn claim(names: &mut BTreeSet<String>, name: &str, help: &str, kind: Kind) -> Result<(), TelemetryError> {
    let lower = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(lower) {
        return Err(invalid(name, "a name is lower-case letters, digits and underscores"));
    }
    if help.trim().is_empty() {
        return Err(invalid(name, "a family says what it measures"));
    }
    if (kind == Kind::Counter) != name.ends_with("_total") {
        return Err(invalid(name, "counters, and only they, end in _total"));
    }
    if ["_bucket", "_sum", "_count"].iter().any(|suffix| name.ends_with(suffix)) {
        return Err(invalid(name, "this ending belongs to the lines of histograms"));
    }
    if !names.insert(name.to_owned()) {
        return Err(invalid(name, "there is one already"));
    }
    Ok(())
}

fn invalid(name: &str, why: impl Into<String>) -> TelemetryError {
    TelemetryError::Family { name: name.to_owned(), why: why.into() }
}

#[cfg(test)]
mod tests;
