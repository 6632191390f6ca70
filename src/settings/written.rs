//! Settings as written: every key optional, each with the place that said it.

use super::document::Document;
use super::fault::{Fault, Place};
pub use super::section::Said;
use super::section::Section;
use super::source::Sources;

/// A table of single values: its fields are its keys.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            $($(#[$key_doc])* pub $key: Option<Said<$kind>>,)*
        }

        impl $name {
            fn read(mut section: Section<'_, '_>) -> Self {
                let table = Self { $($key: section.scalar(stringify!($key)),)* };
                section.close();
                table
            }
        }
    };
}

/// All that flags, variables and the file say.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Folder for what Cordboard keeps.
    pub data: Option<Said<String>>,
    /// Folder of route files.
    pub routes: Option<Said<String>>,
    /// Folder of agent files.
    pub agents: Option<Said<String>>,
    /// `[listen]`
    pub listen: Listen,
    /// `[limits]`
    pub limits: Limits,
    /// `[calls]`
    pub calls: Calls,
    /// `[token]`
    pub token: Token,
    /// `[files]`
    pub files: Files,
    /// `[outgoing]`
    pub outgoing: Outgoing,
    /// `[probes]`
    pub probes: Probes,
    /// `[log]`
    pub log: Log,
    /// `[[gateway]]`
    pub gateways: Vec<Gateway>,
    /// `[[trunk]]`
    pub trunks: Vec<Trunk>,
}

table! {
    /// The listeners.
    Listen {
        /// Address and port of the call plane.
        calls: String,
        /// Address and port of management.
        admin: String,
        /// Address and port of SIP over UDP and TCP.
        sip: String,
        /// Address and port of SIP over TLS.
        sip_tls: String,
        /// Whether listening off loopback without TLS is wanted.
        insecure: bool,
        /// File of the certificate of both listeners.
        tls_cert: String,
        /// File of its key.
        tls_key: String,
        /// File of the call plane's own certificate.
        calls_tls_cert: String,
        /// File of its key.
        calls_tls_key: String,
        /// File of management's own certificate.
        admin_tls_cert: String,
        /// File of its key.
        admin_tls_key: String,
        /// File of the certificate of SIP over TLS.
        sip_tls_cert: String,
        /// File of its key.
        sip_tls_key: String,
    }
}

table! {
    /// What is bounded.
    Limits {
        /// Largest head of a request.
        header_bytes_max: i64,
        /// Time for the head of a request to arrive.
        header_seconds: i64,
        /// Largest body of a call request.
        body_bytes_max: i64,
        /// Largest body of a batch of calls or ends.
        batch_bytes_max: i64,
        /// Time for a body to arrive.
        body_seconds: i64,
        /// Largest body of a management request.
        admin_body_bytes_max: i64,
        /// Largest body of an import of numbers.
        import_bytes_max: i64,
        /// Most rows of an import of numbers.
        import_rows_max: i64,
        /// Largest document of an account that is imported.
        account_import_bytes_max: i64,
        /// Connections of the call plane.
        connections_max: i64,
        /// Lateness of a call worker above which it sheds.
        lag_milliseconds_max: i64,
        /// Calls remembered at once.
        calls_in_progress_max: i64,
        /// Age at which a call that nobody ended is over.
        call_hours_max: i64,
        /// Time for which an ended call can still be asked for.
        ended_call_minutes: i64,
        /// Pairs of agent and version that have metrics of their own.
        series_max: i64,
        /// Answers by SIP that are remembered at once.
        sip_answers_max: i64,
        /// Time for requests to finish at shutdown.
        drain_seconds: i64,
    }
}

/// How calls are served.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// Threads that answer calls.
    pub workers: Option<Said<i64>>,
    /// Names by which gateways on an address list may call this host.
    pub allowed_hosts: Option<Vec<Said<String>>>,
    /// Where calls go whose agent names no endpoint.
    pub default_endpoints: Option<Vec<Endpoint>>,
}

/// Whom the router asks.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// Hosts that may be asked wherever they are, and without TLS.
    pub allowed_hosts: Option<Vec<Said<String>>>,
}

table! {
    /// How targets are probed.
    Probes {
        /// Whether they are.
        enabled: bool,
        /// How often.
        seconds: i64,
        /// How long an answer may take.
        timeout_milliseconds: i64,
        /// Failures in a row from which one is down.
        fall: i64,
        /// Answers in a row from which one is up again.
        rise: i64,
        /// What web targets are asked for.
        http_path: String,
    }
}

table! {
    /// The tokens that are given with decisions.
    Token {
        /// File of the key that signs them.
        key_file: String,
        /// How long one is valid.
        hours: i64,
    }
}

table! {
    /// How watched files are read.
    Files {
        /// How long a file must not have changed before it is read.
        still_milliseconds: i64,
        /// How often folders are looked at even if nothing was heard.
        poll_seconds: i64,
    }
}

table! {
    /// What is logged, and how.
    Log {
        /// A level, or levels by target.
        level: String,
        /// For people or for machines.
        format: String,
    }
}

/// One target of calls.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where the table begins.
    pub place: Place,
    /// The target.
    pub uri: Option<Said<String>>,
    /// Lower is tried first.
    pub priority: Option<Said<i64>>,
    /// Share among those of one priority.
    pub weight: Option<Said<i64>>,
}

/// One asker of the call plane.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where the table begins.
    pub place: Place,
    /// Its name, a metric label.
    pub name: Option<Said<String>>,
    /// Networks it asks from.
    pub addresses: Option<Vec<Said<String>>>,
    /// Account it asks for.
    pub account: Option<Said<String>>,
    /// Country of numbers without a plus.
    pub default_country: Option<Said<String>>,
}

/// One way by which calls come in the form of a telephone system.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Where the table begins.
    pub place: Place,
    /// Its name, with the kind before it a metric label.
    pub name: Option<Said<String>>,
    /// In which form calls come.
    pub kind: Option<Said<String>>,
    /// Networks they come from.
    pub addresses: Option<Vec<Said<String>>>,
    /// Account they are for.
    pub account: Option<Said<String>>,
    /// Country of numbers without a plus.
    pub default_country: Option<Said<String>>,
    /// What stands in front of their numbers.
    pub strip_prefix: Option<Said<String>>,
    /// Whether what only a trusted network may say counts.
    pub trust_headers: Option<Said<bool>>,
    /// How many targets an answer names.
    pub contacts: Option<Said<String>>,
    /// The headers of an answer.
    pub headers: Option<Vec<Said<String>>>,
    /// File of what its calls have to prove that they know.
    pub password_file: Option<Said<String>>,
}

impl Written {
    /// Reads a text under the name the operator knows it by, with what flags and variables say instead.
    ///
    /// What cannot be read is a fault and reads as not said; a line that is no TOML is one fault, not several.
    pub fn read(name: &str, text: &str, sources: &Sources) -> (Self, Vec<Fault>) {
        let document = Document::new(name, text);
        let (sound, mut faults) = document.sound();
        let (table, more) = document.parse(&sound);
        faults.extend(more);
        let mut unread = Vec::new();
        let written = Self::of(Section::root(&document, table.get_ref(), sources, &mut unread));
        let syntax: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
        faults.extend(unread.into_iter().filter(|fault| fault.line == 0 || !syntax.contains(&fault.line)));
        (written, faults)
    }

    fn of(mut root: Section<'_, '_>) -> Self {
        let written = Self {
            data: root.scalar("data"),
            routes: root.scalar("routes"),
            agents: root.scalar("agents"),
            listen: Listen::read(root.table("listen")),
            limits: Limits::read(root.table("limits")),
            calls: Calls::read(root.table("calls")),
            outgoing: Outgoing::read(root.table("outgoing")),
            probes: Probes::read(root.table("probes")),
            token: Token::read(root.table("token")),
            files: Files::read(root.table("files")),
            log: Log::read(root.table("log")),
            gateways: root.tables("gateway", Gateway::read).unwrap_or_default(),
            trunks: root.tables("trunk", Trunk::read).unwrap_or_default(),
        };
        root.close();
        written
    }
}

impl Calls {
    fn read(mut section: Section<'_, '_>) -> Self {
        let calls = Self {
            workers: section.scalar("workers"),
            allowed_hosts: section.texts("allowed_hosts"),
            default_endpoints: section.tables("default_endpoints", Endpoint::read),
        };
        section.close();
        calls
    }
}

impl Outgoing {
    fn read(mut section: Section<'_, '_>) -> Self {
        let outgoing = Self { allowed_hosts: section.texts("allowed_hosts") };
        section.close();
        outgoing
    }
}

impl Endpoint {
    fn read(section: &mut Section<'_, '_>, place: Place) -> Self {
        Self {
            place,
            uri: section.scalar("uri"),
            priority: section.scalar("priority"),
            weight: section.scalar("weight"),
        }
    }
}

impl Gateway {
    fn read(section: &mut Section<'_, '_>, place: Place) -> Self {
        Self {
            place,
            name: section.scalar("name"),
            addresses: section.texts("addresses"),
            account: section.scalar("account"),
            default_country: section.scalar("default_country"),
        }
    }
}

impl Trunk {
    fn read(section: &mut Section<'_, '_>, place: Place) -> Self {
        Self {
            place,
            name: section.scalar("name"),
            kind: section.scalar("kind"),
            addresses: section.texts("addresses"),
            account: section.scalar("account"),
            default_country: section.scalar("default_country"),
            strip_prefix: section.scalar("strip_prefix"),
            trust_headers: section.scalar("trust_headers"),
            contacts: section.scalar("contacts"),
            headers: section.texts("headers"),
            password_file: section.scalar("password_file"),
        }
    }
}
