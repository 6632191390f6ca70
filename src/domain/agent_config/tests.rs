//! The laws of the agent configuration.

pub(super) mod any;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::id::SiteVariantId;

fn read(value: &Value) -> AgentConfig {
    AgentConfig::from_value(value).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn named(more: &Value) -> Value {
    let mut value = json!({"name": "Sales"});
    for (key, part) in more.as_object().unwrap() {
        value[key] = part.clone();
    }
    value
}

/// The faults of a document that has a name and this, as `path message`.
fn faults(more: &Value) -> Vec<String> {
    let found = AgentConfig::from_value(&named(more)).expect_err("no fault was found");
    found.into_iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect()
}

fn first_fault(more: &Value) -> String {
    faults(more).remove(0)
}

#[test]
fn a_header_that_is_reserved_is_refused() {
    for name in ["via", "Call-ID", "F", "X-Agent-Version"] {
        let fault = first_fault(&json!({"sipHeaders": {name: "1"}}));
        assert!(fault.starts_with(&format!("sipHeaders.{name} is reserved")), "{fault}");
    }
}

#[test]
fn a_name_is_all_that_is_needed_and_the_defaults_are_the_documented_ones() {
    let expected = json!({
        "name": "Sales", "description": "",
        "instructions": {"systemPrompt": "", "welcomeMessage": "", "behavior": ""},
        "guardrails": [],
        "llm": {"provider": "", "model": "", "temperature": 0.7, "maxTokens": 1024},
        "voice": {"ttsVoiceId": "", "sttProvider": "", "language": "en-GB"},
        "turn": {
            "vad": {"threshold": 0.5, "minSpeechMs": 100, "minSilenceMs": 500},
            "interruption": {"enabled": true, "minWords": 1},
            "silenceTimeoutMs": 10_000,
            "inactivity": {"timeoutMs": 30_000, "message": "", "maxPrompts": 2}
        },
        "backgroundSound": {"kind": "none", "url": "", "volume": 0.2},
        "knowledgeBases": [], "topics": [], "tools": [],
        "callAnalysis": {"prompt": "", "fields": []},
        "workflow": null, "siteAttributes": [], "siteVariants": [], "sipHeaders": {}, "endpoints": [],
        "experimental": null
    });
    let config = read(&json!({"name": "Sales"}));
    assert_eq!(config.to_json(), expected);
    assert_eq!(config.canonical_json(), br#"{"name":"Sales"}"#);
    assert_eq!(read(&expected).hash(), config.hash());
}

/// Stored hashes must never change: a version found under its hash today must be found under it for ever.
#[test]
fn the_hashes_of_two_documents_are_what_they_always_were() {
    assert_eq!(read(&json!({"name": "Sales"})).hash().to_string(), "79cc9ebc60c314014e92afafd2aab6b1");
    let full: AgentConfig = serde_json::from_str(FULL).unwrap();
    assert_eq!(full.hash().to_string(), "517b93cdff1ad8c7ac950cfe983922dc");
}

const FULL: &str = r#"{
    "name": "Sales – Ø", "description": "line\nline",
    "instructions": {"systemPrompt": "Sell.", "welcomeMessage": "Hello", "behavior": "Kind"},
    "guardrails": [{"id": "g", "name": "G", "rule": "No", "action": "handoff"}],
    "llm": {"provider": "p", "model": "m", "temperature": 1, "maxTokens": 10},
    "voice": {"ttsVoiceId": "v", "sttProvider": "s", "language": "de-CH"},
    "turn": {
        "vad": {"threshold": 0.25, "minSpeechMs": 1, "minSilenceMs": 2},
        "interruption": {"enabled": false, "minWords": 0},
        "silenceTimeoutMs": 1, "inactivity": {"timeoutMs": 1, "message": "?", "maxPrompts": 1}
    },
    "backgroundSound": {"kind": "url", "url": "https://h/s.ogg", "volume": 1e-7},
    "knowledgeBases": [{"id": "k", "retrieval": {"mode": "hybrid", "topK": 7, "minScore": 0.1}}],
    "topics": [{"id": "t", "name": "T", "content": "c", "actions": "a", "exampleQueries": ["q"], "isActive": false}],
    "tools": [{"id": "x", "name": "X", "kind": "http", "config": {"url": "https://h", "n": [1.5, -0.0, 1e21, null]}}],
    "callAnalysis": {"prompt": "p", "fields": [
        {"id": "f", "name": "F", "type": "enum", "description": "d", "enum": ["a", "b"]}]},
    "workflow": {"nodes": [{"id": "n"}], "😀": 1, "דּ": 2},
    "siteAttributes": [{"id": "a", "name": "address"}],
    "siteVariants": [{"id": "s", "name": "S", "values": {"a": "Main St 1"}}, {"id": "r", "name": "R"}],
    "sipHeaders": {"X-Brand": "north"},
    "endpoints": [{"uri": "sip:{agent}.v{version}@h", "priority": 1, "weight": 2}],
    "experimental": {}
}"#;

#[test]
fn a_full_document_has_exactly_the_keys_of_the_table() {
    fn check(kind: &Kind, value: &Value, path: &str) {
        match kind {
            Kind::Object(keys) => same_keys(keys, value, path),
            Kind::Items { keys, .. } => {
                assert!(!value.as_array().unwrap().is_empty(), "{path} is not in the fixture");
                value.as_array().unwrap().iter().for_each(|item| same_keys(keys, item, path));
            }
            _ => {}
        }
    }
    fn same_keys(keys: &[schema::Key], value: &Value, path: &str) {
        let mut known: Vec<_> = keys.iter().map(|key| key.name).collect();
        known.sort_unstable();
        let written: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(written, known, "{path}");
        for key in keys {
            check(&key.kind, &value[key.name], &format!("{path}.{}", key.name));
        }
    }
    check(&ROOT, &serde_json::from_str::<AgentConfig>(FULL).unwrap().to_json(), "");
}

#[test]
fn every_fault_has_its_path() {
    for (more, fault) in [
        (json!({"name": ""}), "name is empty"),
        (json!({"name": "a\nb"}), "name contains the control character '\\n'"),
        (json!({"name": "ä".repeat(101)}), "name has 101 characters, the limit is 100"),
        (json!({"description": null}), "description is null"),
        (json!({"colour": 1}), "colour is no known key"),
        (json!({"llm": {"temprature": 1}}), "llm.temprature is no known key"),
        (json!({"llm": {"temperature": 2.1}}), "llm.temperature is 2.1"),
        (json!({"llm": {"temperature": "1"}}), "llm.temperature is \"1\""),
        (json!({"llm": {"maxTokens": 0}}), "llm.maxTokens is 0"),
        (json!({"llm": {"maxTokens": 1.5}}), "llm.maxTokens is 1.5"),
        (json!({"llm": []}), "llm is a list of 0"),
        (json!({"voice": {"language": "english!"}}), "voice.language is no language tag"),
        (json!({"turn": {"interruption": {"enabled": 1}}}), "turn.interruption.enabled is 1"),
        (json!({"backgroundSound": {"kind": "sea"}}), "backgroundSound.kind is \"sea\""),
        (
            json!({"backgroundSound": {"kind": "url"}}),
            "backgroundSound.url is missing, though the kind is url",
        ),
        (json!({"backgroundSound": {"url": "http://h/a"}}), "backgroundSound.url is no https URL"),
        (json!({"guardrails": [{"id": "a", "name": "A", "rule": ""}]}), "guardrails[0].action is missing"),
        (json!({"guardrails": [{"name": "A", "rule": "", "action": "warn"}]}), "guardrails[0].id is missing"),
        (json!({"guardrails": {}}), "guardrails is an object of 0"),
        (json!({"guardrails": [1]}), "guardrails[0] is 1"),
        (json!({"knowledgeBases": [{"id": "a"}, {"id": "a"}]}), "knowledgeBases[1].id is \"a\" again"),
        (
            json!({"topics": [{"id": "a", "name": "A"}, {"id": "b", "name": "A"}]}),
            "topics[1].name is \"A\" again",
        ),
        (
            json!({"topics": [{"id": "a", "name": "A", "exampleQueries": [1]}]}),
            "topics[0].exampleQueries[0] is 1",
        ),
        (
            json!({"tools": [{"id": "a", "name": "A", "kind": "k", "config": null}]}),
            "tools[0].config is null",
        ),
        (json!({"workflow": []}), "workflow is a list of 0"),
        (json!({"workflow": {"n": 9_007_199_254_740_993_u64}}), "workflow.n is 9007199254740993"),
        (
            json!({"callAnalysis": {"fields": [{"id": "a", "name": "A", "type": "enum"}]}}),
            "callAnalysis.fields[0].enum is missing, though the type is enum",
        ),
        (json!({"sipHeaders": {"X Y": "1"}}), "sipHeaders[\"X Y\"] is no header name"),
        (
            json!({"sipHeaders": {"X-Y": "1\r\nVia: x"}}),
            "sipHeaders.X-Y contains the control character '\\r'",
        ),
        (json!({"sipHeaders": {"X-Y": "1", "x-y": "2"}}), "sipHeaders.x-y is given twice"),
        (json!({"endpoints": [{"uri": "10.0.0.1:5060"}]}), "endpoints[0].uri has the scheme \"10.0.0.1\""),
        (
            json!({"endpoints": [{"uri": "sip:{who}@h"}]}),
            "endpoints[0].uri has an unknown placeholder at \"{who}@h\"",
        ),
        (
            json!({"endpoints": [{"uri": "sip:{a\nb}@h"}]}),
            "endpoints[0].uri has an unknown placeholder at \"{a\\nb}@h\"",
        ),
        (json!({"endpoints": [{"uri": "sip:a@h", "weight": 101}]}), "endpoints[0].weight is 101"),
        (
            json!({"siteVariants": [{"id": "a b", "name": "A"}]}),
            "siteVariants[0].id is no id of a site variant",
        ),
        (
            json!({"siteVariants": [{"id": "a", "name": "A", "values": {"hours": "9"}}]}),
            "siteVariants[0].values.hours is no site attribute",
        ),
        (
            json!({"siteVariants": [{"id": "a", "name": "A", "isDefault": true}, {"id": "b", "name": "B", "isDefault": true}]}),
            "siteVariants[1].isDefault is true, as in siteVariants[0]",
        ),
        (
            json!({"siteAttributes": [{"id": "a", "name": "A"}, {"id": "b", "name": "A"}]}),
            "siteAttributes[1].name is \"A\" again",
        ),
    ] {
        assert_eq!(first_fault(&more), fault);
    }
    assert_eq!(AgentConfig::from_json(b"[]").unwrap_err()[0].message, "is a list of 0");
    assert_eq!(AgentConfig::from_json(b"{}").unwrap_err()[0].path, "name");
}

#[test]
fn limits_hold_at_their_edge_and_not_beyond() {
    let instructions = |len| json!({"instructions": {"systemPrompt": "x".repeat(len)}});
    read(&named(&instructions(1 << 20)));
    assert_eq!(
        first_fault(&instructions((1 << 20) + 1)),
        "instructions.systemPrompt has 1048577 bytes, the limit is 1048576"
    );
    read(&named(&json!({"name": "ä".repeat(100)})));
    let endpoints = |count| json!({"endpoints": vec![json!({"uri": "sip:a@h"}); count]});
    read(&named(&endpoints(16)));
    assert_eq!(first_fault(&endpoints(17)), "endpoints is a list of 17");
    let experimental = |len| json!({"experimental": {"a": "x".repeat(len)}});
    read(&named(&experimental((256 << 10) - 8)));
    assert_eq!(first_fault(&experimental((256 << 10) - 7)), "experimental has 262145 bytes");
    let deep = |levels| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    read(&named(&json!({"workflow": deep(63)})));
    assert!(first_fault(&json!({"workflow": deep(64)})).ends_with("is nested too deeply"));
}

#[test]
fn five_megabytes_are_refused_however_they_come() {
    let prompt = "x".repeat(5_000_000);
    let json = format!(r#"{{"name":"a","instructions":{{"systemPrompt":"{prompt}"}}}}"#);
    assert_eq!(AgentConfig::from_json(json.as_bytes()).unwrap_err()[0].path, "instructions.systemPrompt");
    let topic = |i| json!({"id": format!("{i}"), "name": format!("{i}"), "content": "x".repeat(1 << 20)});
    let many = json!({"topics": (0..4).map(topic).collect::<Vec<_>>()});
    assert!(first_fault(&many).contains("bytes"));
    let toml = format!("name = 'a'\n# {}", "x".repeat(SOURCE_BYTES_MAX));
    assert!(AgentConfig::from_toml(&toml).unwrap_err()[0].message.ends_with("bytes"));
}

#[test]
fn nesting_200_000_deep_is_a_fault_and_no_crash() {
    let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
    let json = format!(r#"{{"name":"a","workflow":{{"a":{open}{close}}}}}"#);
    assert!(AgentConfig::from_json(json.as_bytes()).is_err());
    assert!(AgentConfig::from_toml(&format!("name = 'a'\nworkflow = {{ a = {open}{close} }}")).is_err());
    assert!(AgentConfig::from_toml(&format!("name = 'a'\nworkflow{} = 1", ".a".repeat(200_000))).is_err());
    let dotted = format!("{{a{} = ", ".a".repeat(78));
    let toml = format!("name = 'a'\nworkflow = {}1{}", dotted.repeat(79), "}".repeat(79));
    assert!(AgentConfig::from_toml(&toml).unwrap_err()[0].message.contains("deep"));
}

#[test]
fn all_faults_are_reported_at_once_but_not_without_end() {
    let found = faults(&json!({"name": "", "llm": {"temperature": 9, "maxTokens": 0}, "x": 1, "y": 2}));
    assert_eq!(found.len(), 5, "{found:?}");
    let many: Map<String, Value> = (0..5_000).map(|i| (format!("key{i}"), Value::Null)).collect();
    assert_eq!(faults(&many.into()).len(), FAULTS_MAX);
    let huge = first_fault(&json!({"x".repeat(100_000): "y"}));
    assert!(huge.len() < 1_000);
}

#[test]
fn an_unknown_key_is_told_what_it_might_have_meant() {
    let faults = AgentConfig::from_value(&named(&json!({"llm": {"max_tokens": 1}}))).unwrap_err();
    assert_eq!(faults[0].expected, "`maxTokens`");
    assert_eq!(faults[0].to_string(), "`llm.max_tokens` is no known key (expected `maxTokens`)");
}

#[test]
fn a_key_given_twice_in_json_is_a_fault() {
    for (source, path) in [
        (r#"{"name":"a","name":"b"}"#, "name"),
        (r#"{"name":"a","workflow":{"n":{"x":1,"x":1}}}"#, "workflow.n.x"),
        (r#"{"name":"a","sipHeaders":{"X-A":"1","X-A":"1"}}"#, "sipHeaders.X-A"),
    ] {
        let faults = AgentConfig::from_json(source.as_bytes()).unwrap_err();
        assert_eq!((faults[0].path.as_str(), faults[0].message.as_str()), (path, "is given twice"));
    }
}

#[test]
fn what_is_no_json_or_no_toml_is_a_fault_with_its_place() {
    let fault = &AgentConfig::from_json(b"{\"name\":\n \"a\" x}").unwrap_err()[0];
    assert_eq!((fault.line, fault.column), (2, 6));
    assert_eq!(fault.message, "is no JSON: expected `,` or `}`");
    let fault = &AgentConfig::from_toml("name = 'a'\ndescription = 'b\n").unwrap_err()[0];
    assert_eq!(fault.line, 2);
    assert!(AgentConfig::from_json(b"\xff").is_err());
    assert!(AgentConfig::from_json(br#"{"name":"\ud800"}"#).is_err());
    assert!(AgentConfig::from_toml("name = 'a'\nname = 'b'").is_err());
}

#[test]
fn faults_in_toml_have_line_and_column() {
    let source = "name = 'Sales'\n\n[llm]\ntemperature = 3.0\nmodle = 'x'\n\n[[topics]]\nid = 'a'\n\n\
                  [[topics]]\nid = 'ä'; name = 1\n"
        .replace("; ", "\n");
    let faults = AgentConfig::from_toml(&source).unwrap_err();
    let places: Vec<_> = faults.iter().map(|f| (f.path.as_str(), f.line, f.column)).collect();
    assert_eq!(
        places,
        [
            ("llm.temperature", 4, 15),
            ("llm.modle", 5, 1),
            ("topics[0].name", 7, 1),
            ("topics[1].name", 12, 8)
        ]
    );
    let date = AgentConfig::from_toml("name = 'a'\nworkflow = { 'ä' = 1, at = 2026-01-01 }").unwrap_err();
    assert_eq!((date[0].path.as_str(), date[0].line, date[0].column), ("workflow.at", 2, 28));
    let fault = date[0].clone().in_file("V1.toml");
    assert!(fault.to_string().starts_with("V1.toml:2:28: `workflow.at` is a date or time"), "{fault}");
    for number in ["nan", "inf", "99999999999999999999"] {
        assert!(AgentConfig::from_toml(&format!("name = 'a'\nllm.temperature = {number}")).is_err());
    }
}

#[test]
fn what_was_taken_in_once_can_be_read_whatever_counts_as_a_credential_since() {
    let text = r#"{"name":"A","tools":[{"id":"t","name":"t","kind":"http","config":{"x":"https://me:hunter2@h/"}}]}"#;
    let source = text.as_bytes();
    assert!(AgentConfig::from_json(source).is_err());
    assert_eq!(AgentConfig::from_stored(source).unwrap().tools.len(), 1);
    assert!(
        AgentConfig::from_stored(br#"{"name":"A","colour":1}"#).is_err(),
        "what is no configuration is none"
    );
}

#[test]
fn credentials_in_clear_are_refused_and_not_repeated() {
    let tool = |config| json!({"tools": [{"id": "a", "name": "A", "kind": "http", "config": config}]});
    for (config, path) in [
        (json!({"password": "hunter2"}), "password"),
        (json!({"secret": "hunter2"}), "secret"),
        (json!({"auth": {"api_key": "hunter2"}}), "auth.api_key"),
        (json!({"client": [{"clientSecret": "hunter2"}]}), "client[0].clientSecret"),
        (json!({"access-token": ["hunter2"]}), "access-token[0]"),
        (json!({"headers": {"Authorization": "hunter2"}}), "headers.Authorization"),
        (json!({"headers": {"X-Auth": "Bearer hunter2"}}), "headers.X-Auth"),
        (json!({"headers": [{"name": "X-Api-Key", "value": "hunter2"}]}), "headers[0].value"),
        (json!({"url": "https://me:hunter2@h/"}), "url"),
    ] {
        let faults = AgentConfig::from_value(&named(&tool(config))).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].path, format!("tools[0].config.{path}"));
        assert!(!faults[0].to_string().contains("hunter2"));
    }
    for config in [
        json!({"password": {"secret": "crm/password"}}),
        json!({"headers": {"Authorization": {"secret": "crm"}}}),
        json!({"tokenUrl": "https://h/token", "maxTokens": 5, "password": "", "token": null}),
    ] {
        read(&named(&tool(config)));
    }
    assert!(first_fault(&tool(json!({"password": {"secret": "hunter 2!"}}))).ends_with("names no secret"));
}

#[test]
fn the_first_site_variant_is_the_default_unless_another_is() {
    let variants = |first: Value, second: Value| {
        let mut all = json!([{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]);
        all[0]["isDefault"] = first;
        all[1]["isDefault"] = second;
        read(&named(&json!({"siteVariants": all})))
    };
    let untold = variants(json!(false), json!(false));
    assert_eq!(untold, variants(json!(true), json!(false)));
    let default = |config: &AgentConfig| config.dispatch().sites.default.unwrap().to_string();
    assert_eq!(default(&untold), "a");
    assert_eq!(default(&variants(json!(false), json!(true))), "b");
}

#[test]
fn routing_gets_endpoints_headers_and_sites_by_attribute_name() {
    let dispatch = serde_json::from_str::<AgentConfig>(FULL).unwrap().dispatch();
    assert_eq!(dispatch.endpoints[0].uri.to_string(), "sip:{agent}.v{version}@h");
    assert_eq!(dispatch.sip_headers["X-Brand"], "north");
    let (id, site) = dispatch.sites.get_or_default(None).unwrap();
    assert_eq!((id.as_str(), site.name.as_str()), ("s", "S"));
    assert_eq!(site.attributes, [("address".to_owned(), "Main St 1".to_owned())]);
    let unknown = SiteVariantId::parse("gone").unwrap();
    assert_eq!(dispatch.sites.get_or_default(Some(&unknown)).unwrap().0, id);
    let again: Dispatch = serde_json::from_value(serde_json::to_value(&dispatch).unwrap()).unwrap();
    assert_eq!(again, dispatch);
    assert_eq!(read(&json!({"name": "a"})).dispatch(), Dispatch::default());
}

#[test]
fn endpoints_are_read_on_their_own_by_the_same_laws() {
    let good = endpoints_from_value(&json!([{"uri": "sip:a@h"}])).unwrap();
    assert_eq!((good[0].priority, good[0].weight), (0, 1));
    let faults = endpoints_from_value(&json!([{"uri": "h"}])).unwrap_err();
    assert_eq!(faults[0].path, "endpoints[0].uri");
}

#[test]
fn whole_numbers_stay_whole_and_only_those_that_keep_their_digits_are_read() {
    let workflow = |text: &str| {
        let source = format!(r#"{{"name":"a","workflow":{{"n":{text}}}}}"#);
        AgentConfig::from_json(source.as_bytes()).map(|config| config.to_json()["workflow"]["n"].to_string())
    };
    for (written, read) in [("1", "1"), ("1.0", "1"), ("1e2", "100"), ("-0.0", "0"), ("0.5", "0.5")] {
        assert_eq!(workflow(written).as_deref(), Ok(read));
    }
    for text in ["9007199254740992", "1152921504606846976", "1152921504606847000", "1e300"] {
        assert!(workflow(text).is_ok(), "{text}");
    }
    for text in ["9007199254740993", "1152921504606846977", "-9007199254740993"] {
        assert!(workflow(text).is_err(), "{text}");
    }
}

#[test]
fn an_empty_workflow_is_not_the_same_as_none() {
    assert_ne!(read(&named(&json!({"workflow": {}}))).hash(), read(&named(&json!({}))).hash());
}

#[test]
fn the_examples_are_good() {
    for source in [
        include_str!("../../../config/agents/reception/V1.toml"),
        include_str!("../../../config/agents/sales/V1.toml"),
        include_str!("../../../config/agents/sales/V2.toml"),
        include_str!("../../../config/agents/sales/draft.toml"),
    ] {
        AgentConfig::from_toml(source).unwrap_or_else(|faults| panic!("{faults:#?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_read_reads_back_equal_in_every_form(document in any::document()) {
        let config = read(&document);
        let full = serde_json::to_vec_pretty(&config.to_json()).unwrap();
        let sparse = serde_json::to_vec(&config.to_sparse_json()).unwrap();
        for form in [full, sparse, config.canonical_json()] {
            let again = AgentConfig::from_json(&form).unwrap();
            prop_assert_eq!(&again, &config);
            prop_assert_eq!(again.canonical_json(), config.canonical_json());
        }
        prop_assert_eq!(hash_of(&config.canonical_json()), config.hash());
    }

    #[test]
    fn toml_and_json_of_the_same_content_have_the_same_hash(document in any::document()) {
        let document = any::without_nulls(document);
        let toml = toml::to_string(&document).unwrap();
        prop_assert_eq!(AgentConfig::from_toml(&toml).unwrap(), read(&document));
    }

    #[test]
    fn neither_the_order_of_keys_nor_the_way_numbers_are_written_counts(
        document in any::document(), seed in any::<u64>()
    ) {
        let source = any::written_otherwise(&document, seed);
        let again = AgentConfig::from_json(source.as_bytes()).unwrap();
        prop_assert_eq!(&again, &read(&document));
        prop_assert_eq!(again.hash(), read(&document).hash());
    }

    #[test]
    fn equal_hashes_are_equal_content(a in any::document(), b in any::document()) {
        let (a, b) = (read(&a), read(&b));
        prop_assert_eq!(a == b, a.hash() == b.hash());
    }

    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}=.'\"a-c0-9\n ]{0,80}") {
        let _ = AgentConfig::from_json(&bytes);
        let _ = AgentConfig::from_json(text.as_bytes());
        let _ = AgentConfig::from_toml(&text);
        let _ = AgentConfig::from_toml(&format!("name = 'a'\nworkflow = {text}"));
    }
}
