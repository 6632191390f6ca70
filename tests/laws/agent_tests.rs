//! Agents put to the test: checks, a runner elsewhere, and the gate.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use cordboard::domain::agent_tests::run::TestRunId;
use cordboard::domain::agent_tests::{Runner, Secret};
use ring::hmac;
use serde_json::{Value, json};

use super::http::Reply;
use super::world::{Ended, World};

const SECRET: &str = "whsec_of_the_laws_0001";
const LOCAL: &str = "[outgoing]\nallowed_hosts = [\"127.0.0.0/8\"]\n";

#[track_caller]
fn done(ended: Ended) -> Ended {
    assert_eq!(ended.code(), 0, "{}{}", ended.out, ended.err);
    ended
}

/// A router with the agent `desk`, whose draft greets.
fn world(settings: &str) -> World {
    let world = World::bare().with("cordboard.toml", settings).with("routes/none.toml", "").running();
    done(world.client(&["agents", "create", "Front desk", "--id", "desk", "--greeting", "Hello"]));
    world
}

fn put_tests(world: &World, tests: &Value) -> Reply {
    world.operator().put("/v1/agents/desk/tests", tests)
}

fn greets() -> Value {
    json!({"name": "greets", "pointer": "/instructions/welcomeMessage", "operator": "contains", "value": "Hello"})
}

fn start(world: &World, target: &str) -> String {
    let reply = world.operator().post("/v1/agents/desk/test-runs", &json!({"target": target})).must(201);
    assert_eq!(reply.json()["status"], "running");
    reply.json()["id"].as_str().unwrap().to_owned()
}

/// A run once it is over.
fn ended(world: &World, id: &str) -> Value {
    let run = |world: &World| world.operator().get(&format!("/v1/test-runs/{id}")).must(200).json();
    world.until("the run is over", |world| run(world)["status"] != "running");
    run(world)
}

/// What a runner was told, each request with its signature.
struct Told {
    signature: String,
    body: String,
}

/// A runner that answers with a status, and tells what it was told.
fn runner(status: &'static str) -> (String, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/run", listener.local_addr().unwrap());
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let (mut signature, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else {
                    if line.trim_end().is_empty() {
                        break;
                    }
                    continue;
                };
                match name.to_ascii_lowercase().as_str() {
                    "x-cordboard-signature" => signature = value.to_owned(),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            write!(socket, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            let body = String::from_utf8(body).unwrap();
            if told.send(Told { signature, body }).is_err() {
                return;
            }
        }
    });
    (url, heard)
}

fn heard(told: &Receiver<Told>) -> (Told, Value) {
    let told = told.recv_timeout(Duration::from_secs(20)).expect("the runner is told");
    let body = serde_json::from_str(&told.body).unwrap();
    (told, body)
}

#[test]
fn checks_judge_the_configuration_that_is_meant_and_where_calls_lead() {
    let world = world("");
    let number = "+14155550180";
    done(world.client(&["publish", "desk"]));
    done(world.client(&["numbers", "put", number, "--agent", "desk", "--pin", "sandbox"]));
    let checks = json!([
        greets(),
        {"name": "is warm", "pointer": "/llm/temperature", "operator": "greaterThan", "value": 0.5},
        {"name": "fits", "schema": {"required": ["instructions"]}},
        {"name": "main line", "to": number, "version": "target"},
        {"name": "first version", "to": number, "version": 1},
    ]);
    put_tests(&world, &json!({"checks": checks})).must(200);
    let run = ended(&world, &start(&world, "V1"));
    assert_eq!(run["status"], "passed", "{run}");
    assert_eq!(run["cases"].as_array().unwrap().len(), 5);
    // The draft is another configuration by now, and no call leads to it.
    done(world.client(&["draft", "desk", "set", "llm.temperature=0.1"]));
    let run = ended(&world, &start(&world, "draft"));
    assert_eq!(run["status"], "failed");
    let failed = run["cases"].as_array().unwrap().iter().filter(|case| case["status"] == "failed");
    let failed: Vec<String> = failed.map(|case| format!("{}: {}", case["name"], case["message"])).collect();
    assert_eq!(
        failed,
        [
            "\"is warm\": \"/llm/temperature is 0.1: expected greaterThan 0.5\"",
            "\"main line\": \"+14155550180 leads to V1 of desk: expected target of desk\"",
        ]
    );
    let told = world.client(&["tests", "run", "desk", "draft"]);
    assert_eq!(told.code(), 1);
    assert!(told.out.contains("✗ is warm") && told.err.contains("has failed"), "{}{}", told.out, told.err);
    let told = done(world.client(&["tests", "run", "desk", "V1"])).out;
    assert!(told.contains("✓ main line"), "{told}");
    let told = done(world.client(&["tests", "runs", "desk"])).out;
    assert!(told.contains("3 of 5") && told.contains("5 of 5"), "{told}");
}

#[test]
fn a_runner_is_told_by_a_signed_request_and_its_result_counts_once() {
    let world = world(LOCAL);
    let (url, told) = runner("202 Accepted");
    put_tests(&world, &json!({"checks": [greets()], "runner": {"url": url, "secret": SECRET}})).must(200);
    let shown = world.operator().get("/v1/agents/desk/tests").must(200).json();
    assert_eq!(shown["runner"], json!({"url": url, "timeoutSeconds": 600}), "its secret is shown to nobody");
    let published = world.operator().post("/v1/agents/desk/deployments/publish", &json!({})).must(201).json();
    let id = published["testRunIds"][0].as_str().unwrap().to_owned();
    assert_eq!(published["deployment"]["id"], id.as_str());
    let (request, body) = heard(&told);
    let (at, digest) = request.signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let digest: Vec<u8> =
        (0..64).step_by(2).map(|i| u8::from_str_radix(&digest[i..i + 2], 16).unwrap()).collect();
    hmac::verify(&key, format!("{at}.{}", request.body).as_bytes(), &digest).expect("the signature is right");
    assert_eq!((&body["runId"], &body["target"]), (&json!(id), &json!("sandbox")));
    let snapshot = world.operator().get(body["snapshot"].as_str().unwrap()).must(200).json();
    assert_eq!(snapshot["instructions"]["welcomeMessage"], "Hello");

    // A stranger learns nothing and changes nothing.
    let path = body["result"].as_str().unwrap();
    let passed = json!({"status": "passed", "cases": [{"name": "calls", "status": "passed"}]});
    let stranger = |token: Option<&str>| {
        let mut body = passed.clone();
        body["token"] = json!(token);
        super::http::Client::new(world.admin_address()).post(path, &body).must(401);
    };
    stranger(None);
    stranger(Some("x"));
    world.operator().post(path, &passed).must(401);
    let other = path.replace(&id, "019b76da-a800-7000-8000-000000000007");
    super::http::Client::new(world.admin_address()).post(&other, &passed).must(401);
    let state = world.operator().get(&format!("/v1/test-runs/{id}")).must(200).json();
    assert_eq!(state["status"], "running");

    let token = body["token"].as_str().unwrap();
    let give =
        |body: &Value| super::http::Client::new(world.admin_address()).with_key(token).post(path, body);
    give(&json!({"cases": [{"name": "calls", "status": "maybe"}]})).must(400);
    let run = give(&passed).must(200).json();
    assert_eq!(run["status"], "passed");
    let names: Vec<&Value> = run["cases"].as_array().unwrap().iter().map(|case| &case["name"]).collect();
    assert_eq!(names, [&json!("greets"), &json!("calls")]);
    assert_eq!(give(&json!({"status": "failed"})).must(409).json()["error_code"], "TEST_RUN_ENDED");
    assert_eq!(ended(&world, &id)["status"], "passed", "the first result stands");
}

#[test]
fn what_no_runner_answers_in_time_has_failed_also_over_a_restart() {
    let mut world = world(LOCAL);
    let (url, told) = runner("200 OK");
    let tests = json!({"runner": {"url": url, "timeoutSeconds": 2, "secret": SECRET}});
    put_tests(&world, &tests).must(200);
    let id = start(&world, "draft");
    let (_, body) = heard(&told);
    world.kill_9();
    world.start();
    let run = ended(&world, &id);
    assert_eq!((&run["status"], &run["cases"][0]["name"]), (&json!("failed"), &json!("time")));
    let token = body["token"].as_str().unwrap();
    let path = body["result"].as_str().unwrap();
    let late = super::http::Client::new(world.admin_address())
        .with_key(token)
        .post(path, &json!({"status": "passed"}));
    assert_eq!(late.must(409).json()["error_code"], "TEST_RUN_ENDED");
    assert!(told.try_recv().is_err(), "it was told once");
}

#[test]
fn a_runner_that_does_not_answer_well_or_may_not_be_asked_fails_the_run_or_is_refused() {
    let world = world(LOCAL);
    let (url, _told) = runner("307 Temporary Redirect");
    put_tests(&world, &json!({"runner": {"url": url}})).must(200);
    let run = ended(&world, &start(&world, "draft"));
    assert_eq!(
        (&run["status"], &run["cases"][0]["message"]),
        (&json!("failed"), &json!("the runner answered 307: expected 200 to 299"))
    );
    for private in
        ["http://10.0.0.1/run", "https://192.168.1.1/run", "https://[::1]/run", "ftp://example.com", "run"]
    {
        let refused = put_tests(&world, &json!({"runner": {"url": private}})).must(400);
        assert_eq!(refused.field(), "runner.url", "{private}");
    }
    // A name that leads somewhere private is found out when it is asked.
    put_tests(&world, &json!({"runner": {"url": "https://localhost:1/run"}})).must(200);
    let run = ended(&world, &start(&world, "draft"));
    assert_eq!(run["status"], "failed");
    let many: Vec<Value> =
        (0..201).map(|n| json!({"name": n.to_string(), "pointer": "", "operator": "exists"})).collect();
    for (wrong, field) in [
        (json!({"checks": [{"name": "a", "pointer": "name", "operator": "exists"}]}), "checks[0].pointer"),
        (json!({"checks": [{"name": "a", "pointer": "/name", "operator": "is"}]}), "checks[0].operator"),
        (json!({"checks": [{"name": "a"}]}), "checks[0]"),
        (json!({"checks": [greets(), greets()]}), "checks[1].name"),
        (json!({"checks": [{"name": "a", "to": "+1", "version": "V1"}]}), "checks[0].to"),
        (json!({"checks": [{"name": "a", "to": "desk"}]}), "checks[0].version"),
        (
            json!({"checks": [{"name": "a", "schema": {"$ref": "https://example.com"}}]}),
            "checks[0].schema.$ref",
        ),
        (json!({"checks": many}), "checks"),
        (json!({"runner": {"url": "https://example.com", "timeoutSeconds": 0}}), "runner.timeoutSeconds"),
        (json!({"runner": {"url": "https://example.com", "secret": "short"}}), "runner.secret"),
        (json!({"tests": []}), "tests"),
    ] {
        assert_eq!(put_tests(&world, &wrong).must(400).field(), field, "{wrong}");
    }
    put_tests(&world, &json!({})).must(200);
    let none = world.operator().post("/v1/agents/desk/test-runs", &json!({"target": "draft"})).must(409);
    assert_eq!(none.json()["error_code"], "NO_TESTS");
    put_tests(&world, &json!({"checks": [greets()]})).must(200);
    world.operator().post("/v1/agents/desk/test-runs", &json!({"target": "V7"})).must(400);
}

#[test]
fn behind_the_gate_only_what_passed_goes_on_and_an_emergency_goes_back() {
    let world = world("");
    let account = world.operator().get("/v1/accounts").must(200).json()["accounts"][0]["accountId"]
        .as_str()
        .unwrap()
        .to_owned();
    put_tests(&world, &json!({"checks": [greets()]})).must(200);
    world
        .operator()
        .patch(&format!("/v1/accounts/{account}"), &json!({"settings": {"tests_gate": true}}))
        .must(200);
    done(world.client(&["draft", "desk", "set", "instructions.welcomeMessage=Goodbye"]));
    let published = world.operator().post("/v1/agents/desk/deployments/publish", &json!({})).must(201).json();
    let run = ended(&world, published["testRunIds"][0].as_str().unwrap());
    assert_eq!(run["status"], "failed");
    let promote = |deployment: &Value, to: &str| {
        let path = format!("/v1/agents/desk/deployments/{}/promote", deployment["id"].as_str().unwrap());
        world.operator().post(&path, &json!({"targetEnvironment": to}))
    };
    for refused in [
        promote(&published["deployment"], "pre-release"),
        promote(&published["deployment"], "live"),
        world.operator().post("/v1/agents/desk/deployments/publish", &json!({"environment": "live"})),
    ] {
        assert_eq!(refused.must(412).json()["error_code"], "TESTS_NOT_PASSED");
    }
    done(world.client(&["draft", "desk", "set", "instructions.welcomeMessage=Hello again"]));
    let published = world.operator().post("/v1/agents/desk/deployments/publish", &json!({})).must(201).json();
    assert_eq!(ended(&world, published["testRunIds"][0].as_str().unwrap())["status"], "passed");
    let first = promote(&published["deployment"], "live").must(200).json();
    done(world.client(&["draft", "desk", "set", "instructions.welcomeMessage=Hello once more"]));
    let run = start(&world, "draft");
    assert_eq!(ended(&world, &run)["status"], "passed");
    world.operator().post("/v1/agents/desk/deployments/publish", &json!({"environment": "live"})).must(201);
    // What once served goes back whatever the tests say now.
    put_tests(&world, &json!({"checks": [{"name": "never", "pointer": "", "operator": "absent"}]})).must(200);
    assert_eq!(ended(&world, &start(&world, "V2"))["status"], "failed");
    let path =
        format!("/v1/agents/desk/deployments/{}/rollback", first["deployment"]["id"].as_str().unwrap());
    world.operator().post(&path, &json!({})).must(200);
}

#[test]
fn a_result_that_comes_before_the_checks_were_looked_at_passes_nothing() {
    let world = world(LOCAL);
    let (url, told) = runner("200 OK");
    let secret = Secret::new(SECRET.to_owned());
    let runner = Runner { url: url.clone(), timeout_seconds: 600, secret };
    put_tests(&world, &json!({"checks": [greets()], "runner": {"url": url, "secret": SECRET}})).must(200);
    done(world.client(&["draft", "desk", "set", "instructions.welcomeMessage=Goodbye"]));
    let id = start(&world, "draft");
    // Whoever has the secret knows the token before anybody is told it.
    let token = runner.token(TestRunId::parse(&id).unwrap());
    let pass = || {
        let mut client = super::http::Client::new(world.admin_address()).with_key(&token);
        client.post(&format!("/v1/test-runs/{id}/result"), &json!({"status": "passed"}))
    };
    let early = pass();
    if early.status == 409 {
        assert_eq!(early.json()["error_code"], "TEST_RUN_NOT_AWAITED");
        assert_eq!(heard(&told).1["token"], token.as_str());
        pass().must(200);
    }
    let run = ended(&world, &id);
    assert_eq!((&run["status"], &run["cases"][0]["name"]), (&json!("failed"), &json!("greets")));
}
