//! Messages of SIP watched as they come: by whom, what of them, and at nobody's cost.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::http::connect;
use super::sip::{Caller, request, spoken, world};
use super::world::{AT_LIVE, CALLER, PATIENCE, PINNED_TO_V1, World, encoded};

/// Somebody who watches, line by line, until a deadline: lines that nothing happens come for ever.
struct Watcher(BufReader<TcpStream>, Instant);

impl Watcher {
    /// Begins, and goes on once it is watching.
    fn of(world: &World, query: &str) -> Self {
        let mut watcher = Self::asking(world.admin_address(), &world.key(), query);
        assert_eq!(watcher.next(), json!({"missed": 0}));
        watcher
    }

    fn asking(admin: SocketAddr, key: &str, query: &str) -> Self {
        let mut stream = connect(admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "GET /v1/sip/messages?{query} HTTP/1.1\r\nhost: {admin}\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self(BufReader::new(stream), Instant::now() + PATIENCE)
    }

    /// The next line as it comes; nothing at the end.
    fn line(&mut self) -> String {
        assert!(Instant::now() < self.1, "it goes on and on");
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// The next line of JSON among heads and chunks.
    fn next(&mut self) -> Value {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it has ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    /// The next message, whatever pauses there are before it.
    fn seen(&mut self) -> Value {
        loop {
            let news = self.next();
            if news.get("received").is_some() {
                return news;
            }
        }
    }

    /// Whose message comes next: its Call-ID up to the host.
    fn id(&mut self) -> String {
        let seen = self.seen();
        let received = seen["received"].as_str().unwrap();
        let id = received.split_once("Call-ID: ").unwrap().1;
        id.split_once('@').unwrap().0.to_owned()
    }

    fn until_its_end(mut self) -> String {
        let mut rest = String::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return rest;
            }
            rest.push_str(&line);
        }
    }
}

/// What somebody is told who may not watch; who may would read for ever.
#[track_caller]
fn refused(world: &World, key: &str, query: &str, status: u16) -> String {
    let mut asking = Watcher::asking(world.admin_address(), key, query);
    let first = asking.line();
    assert!(first.contains(&format!(" {status} ")), "{first}");
    asking.until_its_end()
}

fn invite(number: &str, id: &str) -> String {
    request("INVITE", number, id)
}

#[test]
fn a_message_is_seen_by_its_number_and_by_its_trunk_and_others_are_not() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let mut by_trunk = Watcher::of(&world, "trunk=default");
    let mut by_number = Watcher::of(&world, &format!("number={}", encoded(AT_LIVE)));
    let mut by_caller = Watcher::of(&world, &format!("number={}", &CALLER[1..]));
    let mut by_nobodys = Watcher::of(&world, "number=%2B4930123456");
    caller.ask(at, invite(PINNED_TO_V1, "first"));
    caller.ask(at, invite(AT_LIVE, "second"));
    caller.ask(at, request("OPTIONS", "ping", "third").replace(CALLER, "alice"));
    caller.ask(at, invite("+4930123456", "fourth"));
    assert_eq!([0; 4].map(|_| by_trunk.id()), ["first", "second", "third", "fourth"]);
    assert_eq!(by_number.id(), "second");
    assert_eq!([0; 3].map(|_| by_caller.id()), ["first", "second", "fourth"]);
    assert_eq!(by_nobodys.id(), "fourth");
}

#[test]
fn what_is_seen_is_masked_and_holds_request_and_answer() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let mut masked = Watcher::of(&world, "");
    let mut whole = Watcher::of(&world, "unmasked=true");
    let invite = invite(AT_LIVE, "4155550123")
        .replace("From: <", "From: \"Alice Smith\" <")
        .replace("@cordboard.example SIP", ";tok=fromLastTime@cordboard.example;tok=fromLastTime SIP")
        .replace("Max-Forwards", "Proxy-Authorization: Digest response=\"deadbeef\"\r\nMax-Forwards")
        .replace("Length: 0\r\n\r\n", "Length: 4\r\n\r\nbody");
    let heard = caller.ask(at, invite);
    let token = heard.split_once(";tok=").unwrap().1.split(['>', ';']).next().unwrap();

    let seen = masked.seen();
    let text = seen.to_string();
    for hidden in [
        &AT_LIVE[4..],
        &CALLER[4..],
        "4155550123",
        "Alice",
        "Smith",
        "fromLastTime",
        "deadbeef",
        "body\"",
        token,
    ] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let received = seen["received"].as_str().unwrap();
    assert!(received.starts_with("INVITE sip:+141•••02;tok=•••"), "{received}");
    assert!(received.ends_with("\r\n\r\n[4 bytes of body]"), "{received}");
    assert!(seen["answered"].as_str().unwrap().starts_with("SIP/2.0 302 "), "{seen}");
    let source = caller.address().to_string();
    assert_eq!(
        [&seen["trunk"], &seen["transport"], &seen["source"], &seen["dropped"], &seen["missed"]],
        [&json!("default"), &json!("udp"), &json!(source), &Value::Null, &json!(0)]
    );

    let text = whole.seen().to_string();
    assert!(
        [AT_LIVE, CALLER, "Alice Smith", "4155550123"].iter().all(|shown| text.contains(shown)),
        "{text}"
    );
    for hidden in ["fromLastTime", "deadbeef", "body\"", token] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn what_is_not_answered_says_why_and_a_connection_is_seen_like_datagrams() {
    let world = world().running();
    let at = spoken(&world);
    let mut watcher = Watcher::of(&world, "");
    let mut stream = connect(at).unwrap();
    stream.write_all(b"\r\n\r\n").unwrap();
    stream.write_all(invite(PINNED_TO_V1, "tcp").as_bytes()).unwrap();
    let seen = watcher.seen();
    assert_eq!((&seen["transport"], &seen["dropped"]), (&json!("tcp"), &Value::Null));
    Caller::new().send(at, b"\x1b[2J\xff");
    let seen = watcher.seen();
    assert_eq!(
        [&seen["received"], &seen["answered"], &seen["dropped"]],
        [&json!("\\u{1b}[2J\\xff"), &Value::Null, &json!("no_request")]
    );
}

#[test]
fn addresses_on_no_list_are_seen_by_who_sees_the_whole_instance_and_are_of_no_trunk() {
    let trunk = "[[trunk]]\nname = \"carrier\"\naddresses = [\"127.0.0.2\"]\n";
    let world = World::example().with("cordboard.toml", trunk);
    let world = world.with_variable("CORDBOARD_SIP", "127.0.0.1:0").running();
    let at = spoken(&world);
    let account = world.operator().post("/v1/accounts", &json!({"name": "Two"})).must(201).json();
    let mut all = Watcher::of(&world, "");
    let mut carrier = Watcher::of(&world, "trunk=carrier");
    let mut other = Watcher::asking(world.admin_address(), account["key"].as_str().unwrap(), "");
    assert_eq!(other.next(), json!({"missed": 0}));
    Caller::new().send(at, invite(PINNED_TO_V1, "stranger"));
    let seen = all.seen();
    assert_eq!((&seen["trunk"], &seen["dropped"]), (&Value::Null, &json!("refused")));
    Caller::at(Ipv4Addr::new(127, 0, 0, 2)).ask(at, invite(PINNED_TO_V1, "known"));
    assert_eq!((all.id(), carrier.id()), ("known".to_owned(), "known".to_owned()));
    // The other account has no trunk and sees neither: the next thing that it is told is that nothing happens.
    assert_eq!(other.next(), json!({"missed": 0}));
}

#[test]
fn a_reader_that_reads_nothing_keeps_no_call_waiting_and_is_told_what_it_missed() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let mut slow = Watcher::of(&world, "");
    // Far more than its queue and all buffers on the way hold.
    let filling = "x".repeat(12_000);
    let count = 3_000;
    for n in 0..count {
        let invite = invite(PINNED_TO_V1, &format!("n{n}"));
        caller.ask(at, invite.replace("Max-Forwards", &format!("X-Filling: {filling}\r\nMax-Forwards")));
    }
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < count {
        let news = slow.next();
        missed += news["missed"].as_u64().unwrap();
        seen += u64::from(news.get("received").is_some());
    }
    assert!(missed > 0 && seen >= 256, "{seen} seen, {missed} missed");
    assert_eq!(seen + missed, count);
}

#[test]
fn there_is_room_for_eight_and_who_has_gone_makes_room() {
    let world = world().running();
    let mut watchers: Vec<Watcher> = (0..8).map(|_| Watcher::of(&world, "")).collect();
    assert!(refused(&world, &world.key(), "", 503).contains("TOO_MANY_WATCHERS"));
    drop(watchers.pop());
    // Another message shows that it has gone.
    world.until("there is room", |world| {
        Caller::new().ask(spoken(world), invite(PINNED_TO_V1, "room"));
        let mut again = Watcher::asking(world.admin_address(), &world.key(), "");
        again.line().contains(" 200 ")
    });
    assert_eq!(watchers.pop().unwrap().id(), "room");
}

#[test]
fn only_who_may_watches_and_only_where_sip_is_spoken() {
    let silent = World::example().running();
    assert!(refused(&silent, &silent.key(), "", 409).contains("SIP_NOT_SPOKEN"));
    assert_eq!(silent.client(&["sip", "trace"]).code(), 1);

    let world = world().running();
    let told = refused(&world, &world.key(), "trunk=nobody", 404);
    assert!(told.contains("\"field\":\"trunk\"") && told.contains("there are default"), "{told}");
    refused(&world, "nobodys", "", 401);
    let key = |permission: &str| {
        let body = json!({"name": permission, "permissions": [permission]});
        let made = world.operator().post("/v1/keys", &body).must(201).json();
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    };
    let (editor, _) = key("edit");
    refused(&world, &editor, "", 403);
    let (reader, id) = key("read");
    refused(&world, &reader, "unmasked=true", 403);

    // A key that is ended ends what was begun with it, and shows nothing more.
    let mut watcher = Watcher::asking(world.admin_address(), &reader, "");
    watcher.next();
    world.operator().ask("DELETE", &format!("/v1/keys/{id}"), None).must(204);
    Caller::new().ask(spoken(&world), invite(PINNED_TO_V1, "afterwards"));
    let rest = watcher.until_its_end();
    assert!(rest.contains("0\r\n") && !rest.contains("INVITE"), "{rest}");
}

#[test]
fn it_ends_when_the_router_leaves() {
    let mut world = world().running();
    let watcher = Watcher::of(&world, "");
    let reading = thread::spawn(|| watcher.until_its_end());
    assert_eq!(world.terminate().code(), 0);
    assert!(reading.join().unwrap().ends_with("0\r\n\r\n"), "whole, and not cut");
}

#[test]
fn the_command_shows_messages_as_they_come_and_ends_after_so_many() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let begin = |arguments: &[&str]| {
        let line = [&["sip", "trace"], arguments].concat();
        let mut command = world.cordboard(&line);
        command.env("CORDBOARD_DATA", world.data()).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let is_watched = |count: usize| {
        world.until("it is watched", |world| {
            world.log().matches("somebody watches messages").count() == count
        });
    };
    let mut shown = begin(&["--number", AT_LIVE, "--count", "1"]);
    is_watched(1);
    let mut raw = begin(&["--json", "--unmasked", "--count", "2"]);
    is_watched(2);
    caller.ask(at, invite(PINNED_TO_V1, "first"));
    caller.ask(at, invite(AT_LIVE, "second"));
    let read = |child: &mut std::process::Child| {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success());
        text
    };
    let text = read(&mut shown);
    assert!(text.contains("default  udp  127.0.0.1:"), "{text}");
    assert!(text.contains("\n  → INVITE sip:+141•••02@cordboard.example SIP/2.0\n    Via: "), "{text}");
    assert!(text.contains("\n  ← SIP/2.0 302 Moved Temporarily\n    Via: "), "{text}");
    assert!(!text.contains("first") && !text.contains(&AT_LIVE[4..]), "{text}");
    let text = read(&mut raw);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = lines.iter().filter_map(|line| line["received"].as_str()).collect();
    assert!(messages.len() == 2 && messages[1].contains(AT_LIVE), "{text}");
}
