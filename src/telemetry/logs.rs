//! Logs: lines for people or JSON for machines, to standard error.

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::TelemetryError;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Sends the logs of the whole process to standard error; to be called once, by `main`.
///
/// `filter` is a level, or levels by module: `info`, `info,cordboard::control=debug`.
///
/// # Errors
/// When the filter cannot be read, or the process has a log already.
pub fn start(format: Format, filter: &str) -> Result<(), TelemetryError> {
    let subscriber = subscriber(format, filter, io::stderr().is_terminal(), io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::LogsSetUp)
}

/// Makes a log that writes somewhere else, without making it the process's.
///
/// # Errors
/// When the filter cannot be read.
pub fn subscriber<W>(
    format: Format,
    filter: &str,
    colours: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let levels = EnvFilter::builder()
        .parse(filter)
        .map_err(|e| TelemetryError::LogFilter { filter: filter.to_owned(), why: e.to_string() })?;
    // A line that cannot be written is lost: to complain of it on a standard error that is full would be a panic.
    let lines =
        tracing_subscriber::fmt().with_env_filter(levels).with_writer(writer).log_internal_errors(false);
    Ok(match format {
        Format::Pretty => Box::new(lines.with_ansi(colours).finish()),
        Format::Json => Box::new(lines.json().flatten_event(true).finish()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn logged(format: Format, filter: &str) -> String {
        let sink = Arc::new(Mutex::new(Vec::new()));
        let subscriber = subscriber(format, filter, false, Written(Arc::clone(&sink))).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(number = %super::super::mask("+14155550100", false), "asked");
            tracing::debug!("detail");
        });
        String::from_utf8(sink.lock().unwrap().clone()).unwrap()
    }

    #[derive(Clone)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Written {
        type Writer = Self;
        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_bad_filter_is_an_error_that_names_it() {
        let error = subscriber(Format::Json, "info,=loud=", false, io::sink).err().unwrap().to_string();
        assert!(error.contains("info,=loud="), "{error}");
    }

    #[test]
    fn a_json_log_is_one_object_a_line() {
        let text = logged(Format::Json, "info");
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&"INFO".into(), &"asked".into()));
        assert_eq!(lines[0]["number"], "+141•••00");
    }

    #[test]
    fn a_log_for_people_keeps_to_its_level() {
        let text = logged(Format::Pretty, "debug");
        assert!(text.contains("INFO") && text.contains("asked") && text.contains("detail"), "{text}");
        assert!(!logged(Format::Pretty, "info").contains("detail"));
    }
}
