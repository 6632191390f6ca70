//! Loading: finding the file and taking the step from written to meant.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::fault::{Fault, Place};
use super::meant::Settings;
use super::source::Sources;
use super::written::Written;

/// The file of the settings, in the configuration folder.
pub const SETTINGS_FILE: &str = "cordboard.toml";
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Settings {
    /// Settings from flags, over variables, over `cordboard.toml` in the configuration folder, over defaults.
    ///
    /// A folder without the file means the defaults. So does one that was named and is not there, and whether to go on
    /// with these is for the caller, who is told of it by [`Settings::config_fault`].
    ///
    /// # Errors
    /// Every fault there is in any source.
    pub fn load(sources: &Sources) -> Result<Self, Vec<Fault>> {
        let (settings, faults) = Self::read(sources);
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// The same for whoever has more to find out about them: settings with the default in the place of each fault, and
    /// every fault.
    pub fn read(sources: &Sources) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let (config, config_fault) = found_config_folder(sources);
        let path = config.join(SETTINGS_FILE);
        let name = path.display().to_string();
        let text = text_of(&path).unwrap_or_else(|fault| {
            faults.push(fault);
            String::new()
        });
        let (written, unread) = Written::read(&name, &text, sources);
        faults.extend(unread);
        let settings =
            Self { config_fault: config_fault.clone(), ..Self::meant(&written, &config, &mut faults) };
        if !faults.is_empty() {
            faults.extend(config_fault.clone());
        }
        faults.sort();
        (settings, faults)
    }
}

/// The names of all variables that say a setting: those that a loading asks for.
pub(super) fn variables() -> BTreeSet<String> {
    let sources = Sources::default();
    let _ = config_folder(&sources);
    let (_, _) = Written::read("", "", &sources);
    sources.variables.into_asked()
}

/// The folder of configuration, which need not be there: as a flag names it, else a variable, else `config`.
#[must_use]
pub fn config_folder(sources: &Sources) -> PathBuf {
    named_config_folder(sources).map_or_else(|| PathBuf::from("config"), |(_, folder)| folder)
}

/// The folder that is named as the one of configuration, and by what.
fn named_config_folder(sources: &Sources) -> Option<(&'static str, PathBuf)> {
    let flag = sources.flags.config.as_deref().map(|text| ("flag --config", PathBuf::from(text)));
    let variable = sources
        .variables
        .get("CORDBOARD_CONFIG")
        .map(|text| ("variable CORDBOARD_CONFIG", PathBuf::from(text)));
    flag.or(variable)
}

fn found_config_folder(sources: &Sources) -> (PathBuf, Option<Fault>) {
    let folder = config_folder(sources);
    let Some((source, _)) = named_config_folder(sources) else { return (folder, None) };
    let fault = (!folder.is_dir()).then(|| {
        let message = format!("{} is no folder", folder.display());
        Place::whole(source)
            .fault(message, format!("a folder that holds {SETTINGS_FILE}, routes/ and agents/"))
    });
    (folder, fault)
}

fn text_of(path: &Path) -> Result<String, Fault> {
    let place = Place::whole(&path.display().to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => {
            return Err(place.fault(format!("cannot be read: {error}"), "a file this user may read"));
        }
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        return Err(place.fault(format!("cannot be read: {error}"), "a file this user may read"));
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(place.fault("is too large", format!("at most {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        let place =
            Place::in_file(path.display().to_string().into(), u32::try_from(line).unwrap_or(u32::MAX), 1);
        place.fault("is not UTF-8", "text in UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::super::source::{Flags, Variables};
    use super::super::tls::Tls;
    use super::*;

    const EXAMPLE: &str = include_str!("../../config/cordboard.toml");

    /// Every single-valued key with two legal values, neither the default, as the file says them.
    const KEYS: [(&str, &str, &str); 46] = [
        ("data", "\"one\"", "\"two\""),
        ("routes", "\"one\"", "\"two\""),
        ("agents", "\"one\"", "\"two\""),
        ("listen.calls", "\"127.0.0.1:1\"", "\"[::1]:0\""),
        ("listen.admin", "\"127.0.0.1:1\"", "\"[::1]:0\""),
        ("listen.sip", "\"127.0.0.1:1\"", "\"0.0.0.0:0\""),
        ("listen.sip_tls", "\"127.0.0.1:1\"", "\"[::1]:0\""),
        ("listen.insecure", "true", "false"),
        ("listen.tls_cert", "\"one\"", "\"/two\""),
        ("listen.tls_key", "\"one\"", "\"/two\""),
        ("listen.calls_tls_cert", "\"one\"", "\"/two\""),
        ("listen.calls_tls_key", "\"one\"", "\"/two\""),
        ("listen.admin_tls_cert", "\"one\"", "\"/two\""),
        ("listen.admin_tls_key", "\"one\"", "\"/two\""),
        ("listen.sip_tls_cert", "\"one\"", "\"/two\""),
        ("listen.sip_tls_key", "\"one\"", "\"/two\""),
        ("limits.header_bytes_max", "2_000", "3000"),
        ("limits.header_seconds", "2", "3"),
        ("limits.body_bytes_max", "2000", "3000"),
        ("limits.batch_bytes_max", "2000", "3000"),
        ("limits.body_seconds", "2", "3"),
        ("limits.admin_body_bytes_max", "0x200000", "3000000"),
        ("limits.import_bytes_max", "0x200000", "3000000"),
        ("limits.import_rows_max", "5000", "5001"),
        ("limits.account_import_bytes_max", "0x200000", "3000000"),
        ("limits.connections_max", "2", "3"),
        ("limits.lag_milliseconds_max", "2", "3"),
        ("limits.calls_in_progress_max", "2", "3"),
        ("limits.call_hours_max", "2", "3"),
        ("limits.ended_call_minutes", "0", "3"),
        ("limits.sip_answers_max", "2000", "3000"),
        ("limits.series_max", "2", "3"),
        ("limits.drain_seconds", "0", "3"),
        ("calls.workers", "2", "3"),
        ("probes.enabled", "false", "true"),
        ("probes.seconds", "2", "3"),
        ("probes.timeout_milliseconds", "20", "30"),
        ("probes.fall", "2", "4"),
        ("probes.rise", "1", "3"),
        ("probes.http_path", "\"/one\"", "\"/two?x=y\""),
        ("token.key_file", "\"one\"", "\"/two\""),
        ("token.hours", "22", "23"),
        ("files.still_milliseconds", "20", "30"),
        ("files.poll_seconds", "2", "3"),
        ("log.level", "\"warn\"", "\"info,hyper=off\""),
        ("log.format", "\"json\"", "\"pretty\""),
    ];

    fn sources(folder: &Path) -> Sources {
        let config = Some(folder.display().to_string());
        Sources { flags: Flags { config, ..Flags::default() }, variables: Variables::default() }
    }

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SETTINGS_FILE), text).unwrap();
        folder
    }

    fn loaded(text: &str, sources: &Sources) -> Result<Settings, Vec<Fault>> {
        let (written, mut faults) = Written::read(SETTINGS_FILE, text, sources);
        let settings = Settings::meant(&written, Path::new("config"), &mut faults);
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    fn from_file(text: &str) -> Settings {
        loaded(text, &Sources::default()).unwrap()
    }

    fn with_variable(name: &str, value: &str) -> Sources {
        Sources { flags: Flags::default(), variables: Variables::from_iter([(name, value)]) }
    }

    fn flags_for(key: &str, value: &str) -> Option<Flags> {
        let (mut flags, value) = (Flags::default(), Some(value.to_owned()));
        match key {
            "data" => flags.data = value,
            "listen.calls" => flags.calls = value,
            "listen.admin" => flags.admin = value,
            "listen.sip" => flags.sip = value,
            "listen.sip_tls" => flags.sip_tls = value,
            "log.level" => flags.log = value,
            _ => return None,
        }
        Some(flags)
    }

    /// What must be said beside a key, for a file that says both.
    fn beside(key: &str) -> String {
        if key == "listen.sip_tls" {
            return "listen.sip_tls_cert = \"other\"\nlisten.sip_tls_key = \"other\"\n".to_owned();
        }
        match key.split_once("tls_cert").map(|(plane, _)| (plane, "tls_key")) {
            Some((plane, other)) => format!("{plane}{other} = \"other\"\n"),
            None => key
                .split_once("tls_key")
                .map_or_else(String::new, |(plane, _)| format!("{plane}tls_cert = \"other\"\n")),
        }
    }

    #[test]
    fn for_every_key_a_flag_beats_a_variable_beats_the_file_beats_the_default() {
        for (key, one, two) in KEYS {
            let beside = beside(key);
            let (in_one, in_two) =
                (from_file(&format!("{beside}{key} = {one}")), from_file(&format!("{beside}{key} = {two}")));
            assert!(in_one != from_file("") && in_one != in_two, "{key}");
            let variable = format!("CORDBOARD_{}", key.replace('.', "_").to_uppercase());
            let (one_file, two_text) = (format!("{beside}{key} = {one}"), two.trim_matches('"'));
            let mut sources = with_variable(&variable, two_text);
            assert_eq!(loaded(&beside, &sources).unwrap(), in_two, "{variable} alone");
            assert_eq!(loaded(&one_file, &sources).unwrap(), in_two, "{variable} over the file");
            if let Some(flags) = flags_for(key, one.trim_matches('"')) {
                sources.flags = flags;
                assert_eq!(loaded(&beside, &sources).unwrap(), in_one, "flag over {variable}");
                sources.variables = Variables::default();
                assert_eq!(
                    loaded(&format!("{beside}{key} = {two}"), &sources).unwrap(),
                    in_one,
                    "flag over the file"
                );
            }
        }
    }

    #[test]
    fn short_variables_say_the_same_and_may_not_contradict_the_long_ones() {
        for (key, short) in [
            ("listen.calls", "CALLS"),
            ("listen.admin", "ADMIN"),
            ("listen.sip", "SIP"),
            ("log.level", "LOG"),
            ("data", "DATA"),
        ] {
            let (_, value, other) = KEYS.into_iter().find(|(found, ..)| *found == key).unwrap();
            let short = with_variable(&format!("CORDBOARD_{short}"), value.trim_matches('"'));
            assert_eq!(loaded("", &short).unwrap(), from_file(&format!("{key} = {value}")));
            assert_ne!(value, other);
        }
        let pair = |long| {
            let pairs = [("CORDBOARD_LOG", "warn"), ("CORDBOARD_LOG_LEVEL", long)];
            loaded("", &Sources { flags: Flags::default(), variables: Variables::from_iter(pairs) })
        };
        assert_eq!(pair("warn").unwrap().log.filter, "warn");
        assert_eq!(pair("info").unwrap_err()[0].file, "variable CORDBOARD_LOG_LEVEL");
    }

    #[test]
    fn an_empty_variable_says_nothing_and_a_malformed_one_is_a_fault_of_that_variable() {
        assert_eq!(loaded("", &with_variable("CORDBOARD_TOKEN_HOURS", "")).unwrap(), from_file(""));
        for (name, value) in [("CORDBOARD_TOKEN_HOURS", "day"), ("CORDBOARD_LISTEN_INSECURE", "yes")] {
            let faults = loaded("", &with_variable(name, value)).unwrap_err();
            assert_eq!((faults.len(), faults[0].file.as_str()), (1, format!("variable {name}").as_str()));
        }
        let no_text = [("CORDBOARD_DATA", OsString::from_vec(vec![0xff]))];
        let sources = Sources { flags: Flags::default(), variables: Variables::from_iter(no_text) };
        assert_eq!(loaded("", &sources).unwrap_err()[0].message, "data is not UTF-8");
    }

    #[test]
    fn every_variable_that_says_a_setting_is_known_and_a_misspelt_one_is_told_with_the_nearest() {
        let names = KEYS.map(|(key, ..)| format!("CORDBOARD_{}", key.replace('.', "_").to_uppercase()));
        let short =
            ["CONFIG", "CALLS", "ADMIN", "SIP", "SIP_TLS", "LOG"].map(|name| format!("CORDBOARD_{name}"));
        let all: Vec<&str> = names.iter().chain(&short).map(String::as_str).collect();
        assert_eq!(variables(), all.iter().map(|name| (*name).to_owned()).collect());
        let set =
            all.iter().map(|name| (*name, "1")).chain([("CORDBOARD_URL", "x"), ("CORDBOARD_EMPTY", "")]);
        assert_eq!(Variables::from_iter(set).unknown(&["CORDBOARD_URL"]), Vec::<String>::new());
        let unknown =
            [("CORDBOARD_LIMITS_BODY_SECOND", "3"), ("CORDBOARD_KYE", "k"), ("CORDBOARD_SERVICE_HOST", "h")];
        assert_eq!(
            Variables::from_iter(unknown).unknown(&["CORDBOARD_KEY"]),
            [
                "the variable CORDBOARD_KYE means nothing",
                "the variable CORDBOARD_LIMITS_BODY_SECOND means nothing: CORDBOARD_LIMITS_BODY_SECONDS, perhaps",
                "the variable CORDBOARD_SERVICE_HOST means nothing",
            ]
        );
    }

    #[test]
    fn the_shipped_file_says_the_defaults_commented_or_not() {
        let forget_places = |mut settings: Settings| {
            settings.gateways = settings.gateways.without_places();
            settings.trunks = settings.trunks.without_places();
            settings
        };
        assert_eq!(from_file(EXAMPLE), from_file(""));
        assert_eq!(forget_places(from_file(&uncommented())), from_file(""));
    }

    #[test]
    fn the_shipped_file_misses_no_key() {
        let (written, faults) = Written::read(SETTINGS_FILE, &uncommented(), &Sources::default());
        assert_eq!(faults, []);
        let missing = format!("{written:#?}");
        assert!(!missing.contains("None"), "{missing}");
        assert_eq!((written.gateways.len(), written.trunks.len()), (1, 1));
        for key_of_endpoints in ["uri = ", "priority = ", "weight = "] {
            assert!(EXAMPLE.contains(key_of_endpoints));
        }
    }

    #[test]
    fn the_precedence_test_misses_no_key() {
        let text = uncommented();
        let table: toml::Table = text.parse().unwrap();
        let single = |value: &toml::Value| !value.is_array() && !value.is_table();
        let mut shipped = BTreeSet::new();
        for (key, value) in &table {
            match value.as_table() {
                Some(section) => {
                    shipped
                        .extend(section.iter().filter(|(_, v)| single(v)).map(|(k, _)| format!("{key}.{k}")));
                }
                None if single(value) => drop(shipped.insert(key.clone())),
                None => {}
            }
        }
        assert_eq!(shipped, KEYS.iter().map(|(key, ..)| (*key).to_owned()).collect());
    }

    /// The shipped file with every `#key` taken as `key`; prose begins with `# `.
    fn uncommented() -> String {
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if !key.is_empty() && !key.starts_with(' ') => key,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_faults_are_told_at_once_each_with_its_line() {
        let text = "\
data = 7
rotues = \"r\"
listen = { calls = \"here\", admin = \"10.0.0.1:1\" }
broken
[limits]
header_bytes_max = 1
body_byte_max = 2
series_max = 99999999999999999999
[calls]
allowed_hosts = [\"ok\", 5, \"a b\"]
default_endpoints = [{ uri = \"sip:a@b\", weight = 101 }, { wieght = 1 }]
[log]
level = \"inof\"
format = true
[[gateway]]
name = \"Edge\"
[tls]
";
        let folder = folder_with(text);
        let mut sources = sources(folder.path());
        sources.variables = Variables::from_iter([("CORDBOARD_FILES_POLL_SECONDS", "0")]);
        let faults = Settings::load(&sources).unwrap_err();
        let lines: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
        let expected = [
            (1, 8),
            (2, 1),
            (3, 20),
            (3, 36),
            (4, 7),
            (6, 20),
            (7, 1),
            (8, 14),
            (10, 24),
            (10, 27),
            (11, 50),
            (11, 57),
            (11, 59),
            (13, 9),
            (14, 10),
            (16, 8),
            (17, 2),
            (0, 0),
        ];
        for fault in &faults {
            println!("{fault}");
            assert!(!fault.message.is_empty() && !fault.expected.is_empty(), "{fault}");
        }
        assert_eq!(lines, expected);
        assert!(faults[0].file.ends_with("cordboard.toml"));
        assert_eq!(faults[1].expected, "routes, perhaps");
        assert_eq!(faults[6].expected, "body_bytes_max, perhaps");
    }

    #[test]
    fn an_illegal_value_is_a_fault_also_where_a_stronger_source_says_another() {
        for (key, illegal) in [
            ("data", "\" \""),
            ("routes", "\"\""),
            ("listen.calls", "\"here\""),
            ("listen.admin", "\"127.0.0.1\""),
            ("limits.body_seconds", "0"),
            ("calls.workers", "-1"),
            ("token.hours", "25"),
            ("log.level", "\"inof\""),
            ("log.format", "\"xml\""),
        ] {
            let (_, legal, _) = KEYS.into_iter().find(|(found, ..)| *found == key).unwrap();
            let (file, legal) = (format!("{key} = {illegal}"), legal.trim_matches('"'));
            let variable = format!("CORDBOARD_{}", key.replace('.', "_").to_uppercase());
            let alone = loaded(&file, &Sources::default()).unwrap_err();
            assert_eq!(alone.len(), 1, "{file}: {alone:?}");
            assert_eq!(
                loaded(&file, &with_variable(&variable, legal)).unwrap_err(),
                alone,
                "under {variable}"
            );
            let Some(flags) = flags_for(key, legal) else { continue };
            let variables = Variables::from_iter([(variable.as_str(), illegal.trim_matches('"'))]);
            let faults = loaded(&file, &Sources { flags, variables }).unwrap_err();
            let files: Vec<&str> = faults.iter().map(|fault| fault.file.as_str()).collect();
            assert_eq!(files, [&format!("variable {variable}"), SETTINGS_FILE], "under the flag of {key}");
        }
    }

    #[test]
    fn what_is_overridden_contradicts_nothing() {
        let file = "[listen]\ncalls = \"10.0.0.1:9\"\nadmin = \"127.0.0.1:9\"\n[token]\nhours = 1\n";
        let over = [
            ("CORDBOARD_CALLS", "127.0.0.1:9"),
            ("CORDBOARD_ADMIN", "127.0.0.1:8"),
            ("CORDBOARD_TOKEN_HOURS", "24"),
        ];
        let sources = Sources { flags: Flags::default(), variables: Variables::from_iter(over) };
        loaded(file, &sources).unwrap();
    }

    #[test]
    fn contradictions_are_faults() {
        for (text, line) in [
            ("[listen]\ncalls = \"127.0.0.1:9\"\nadmin = \"127.0.0.1:9\"", 3),
            ("[listen]\ninsecure = true\ncalls = \"0.0.0.0:8701\"", 3),
            ("[limits]\ncall_hours_max = 7\n[token]\nhours = 6", 4),
            ("[files]\nstill_milliseconds = 2000\npoll_seconds = 2", 2),
            ("routes = \"same\"\nagents = \"same\"", 1),
        ] {
            let faults = loaded(text, &Sources::default()).unwrap_err();
            assert_eq!((faults.len(), faults[0].line), (1, line), "{text}: {faults:?}");
        }
    }

    #[test]
    fn off_loopback_needs_insecure_to_be_said() {
        for address in ["0.0.0.0:1", "10.0.0.1:0", "[::]:1", "[::ffff:10.0.0.1]:1"] {
            let text = format!("listen.calls = \"{address}\"");
            assert_eq!(loaded(&text, &Sources::default()).unwrap_err().len(), 1, "{address}");
            from_file(&format!("{text}\nlisten.insecure = true"));
        }
        from_file("listen.calls = \"[::ffff:127.0.0.1]:1\"");
    }

    #[test]
    fn a_plane_with_tls_may_listen_off_loopback_and_the_other_may_not() {
        const CALLS: &str = "calls_tls_cert = \"c\"\ncalls_tls_key = \"k\"\n";
        const BOTH: &str = "tls_cert = \"c\"\ntls_key = \"k\"\n";
        let addresses = "[listen]\ncalls = \"10.0.0.1:1\"\nadmin = \"10.0.0.1:2\"\n";
        from_file(&format!("{addresses}{BOTH}"));
        let faults = loaded(&format!("{addresses}{CALLS}"), &Sources::default()).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, 3), "{faults:?}");
    }

    #[test]
    fn each_plane_has_its_own_certificate_or_the_one_of_both() {
        let files = |tls: &Option<Tls>| tls.as_ref().map(|tls| tls.cert.display().to_string());
        let listen = |text: &str| {
            let listen = from_file(&format!("[listen]\n{text}")).listen;
            (files(&listen.calls_tls), files(&listen.admin_tls))
        };
        let (both, own) =
            ("tls_cert = \"c\"\ntls_key = \"k\"\n", "admin_tls_cert = \"/a\"\nadmin_tls_key = \"k\"\n");
        assert_eq!(listen(both), (Some("config/c".to_owned()), Some("config/c".to_owned())));
        assert_eq!(listen(own), (None, Some("/a".to_owned())));
        assert_eq!(listen(&format!("{both}{own}")), (Some("config/c".to_owned()), Some("/a".to_owned())));
    }

    #[test]
    fn sip_is_spoken_where_it_is_said_and_over_tls_only_with_a_certificate() {
        let spoken = |text: &str| {
            let listen = from_file(&format!("[listen]\n{text}")).listen;
            (listen.sip, listen.sip_tls)
        };
        assert_eq!(spoken(""), (None, None));
        assert_eq!(spoken("sip = \"\"\nsip_tls = \"\""), (None, None));
        assert_eq!(spoken("sip = \"0.0.0.0:5060\""), (Some(([0, 0, 0, 0], 5060).into()), None));
        let shared = "tls_cert = \"c\"\ntls_key = \"k\"\n";
        assert_eq!(spoken(&format!("{shared}sip_tls = \"[::1]:0\"")).1, Some("[::1]:0".parse().unwrap()));
        for (text, line, expected) in [
            ("sip_tls = \"127.0.0.1:5061\"", 2, "listen.sip_tls_cert and listen.sip_tls_key"),
            ("sip = \"5060\"", 2, "an address and a port"),
            ("sip = \"127.0.0.1:8701\"", 2, "a port for each"),
            ("sip = \"0.0.0.0:8700\"", 2, "a port for each"),
        ] {
            let faults = loaded(&format!("[listen]\n{text}\n"), &Sources::default()).unwrap_err();
            assert_eq!((faults.len(), faults[0].line), (1, line), "{faults:?}");
            assert!(faults[0].expected.contains(expected), "{faults:?}");
        }
        let (cert, key) = ("sip_tls_cert = \"c\"\nsip_tls_key = \"k\"\n", "sip = \"[::1]:5061\"\n");
        let faults = loaded(&format!("[listen]\n{cert}{key}sip_tls = \"[::]:5061\""), &Sources::default());
        assert_eq!(faults.unwrap_err()[0].line, 5);
    }

    #[test]
    fn a_certificate_without_its_key_is_one_fault_and_so_is_a_key_alone() {
        for (said, other) in [("admin_tls_cert", "listen.admin_tls_key"), ("tls_key", "listen.tls_cert")] {
            let text = format!("[listen]\ncalls = \"10.0.0.1:1\"\nadmin = \"10.0.0.1:2\"\n{said} = \"x\"\n");
            let text = if said == "tls_key" { text } else { text.replace("10.0.0.1:1", "127.0.0.1:1") };
            let faults = loaded(&text, &Sources::default()).unwrap_err();
            assert_eq!((faults.len(), faults[0].line), (1, 4), "{faults:?}");
            assert!(faults[0].expected.contains(other), "{faults:?}");
        }
    }

    #[test]
    fn each_folder_has_one_base_whoever_says_it() {
        let settings = from_file("data = \"d\"\nroutes = \"r\"\nagents = \"/a\"\ntoken.key_file = \"k\"");
        assert_eq!(settings.data, Path::new("d"));
        assert_eq!(settings.routes, Path::new("config/r"));
        assert_eq!(settings.agents, Path::new("/a"));
        assert_eq!(settings.token.key_file, Path::new("d/k"));
    }

    #[test]
    fn a_named_folder_that_is_not_there_is_told_of_but_its_file_need_not_be() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Settings::load(&sources(folder.path())).unwrap().config_fault, None);
        let settings = Settings::load(&sources(&folder.path().join("nowhere"))).unwrap();
        assert_eq!(settings.config_fault.unwrap().file, "flag --config");
    }

    #[test]
    fn a_file_that_is_no_text_or_too_large_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SETTINGS_FILE), b"# fine\n# \xff\n").unwrap();
        assert_eq!(Settings::load(&sources(folder.path())).unwrap_err()[0].line, 2);
        std::fs::write(folder.path().join(SETTINGS_FILE), vec![b'#'; (1 << 20) + 1]).unwrap();
        assert_eq!(Settings::load(&sources(folder.path())).unwrap_err()[0].message, "is too large");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|\n|\\[\\[gateway\\]\\]\n|name = |addresses = \\[|\"|[limits]){0,60}") {
            let _ = loaded(&text, &Sources::default());
        }
    }
}
