//! From a new agent to a rollback by the command line, and kills in between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::http::Client;
use super::skipped::skip;
use super::world::{CALLER, Ended, PATIENCE, World};

const NUMBER: &str = "+14155550180";
const KILLS: u64 = 12;

fn bare() -> World {
    World::bare().with("routes/none.toml", "")
}

#[track_caller]
fn done(ended: Ended) -> Ended {
    assert_eq!(ended.code(), 0, "{}{}", ended.out, ended.err);
    ended
}

/// The agent `desk`, and a number at its `live`.
fn with_desk(world: World) -> World {
    done(world.client(&["agents", "create", "Front desk", "--id", "desk", "--greeting", "Hello"]));
    done(world.client(&["numbers", "put", NUMBER, "--agent", "desk", "--pin", "live", "--yes"]));
    world
}

#[test]
fn what_is_edited_published_promoted_and_rolled_back_serves_the_next_call_and_no_call_in_progress() {
    let world = with_desk(bare().running());
    assert_eq!(world.version_at(NUMBER), None, "nothing is live yet");
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=one"]));
    done(world.client(&["publish", "desk", "--name", "One"]));
    done(world.client(&["promote", "desk"]));
    let live = ["promote", "desk", "--from", "pre-release"];
    assert_eq!(world.client(&live).code(), 2, "live is asked about");
    let promoted = done(world.client(&[&live[..], &["--yes", "--json"]].concat()));
    let told: Value = serde_json::from_str(&promoted.out).unwrap();
    assert_eq!(told["revision"], json!(world.revision()));
    assert_eq!(world.version_at(NUMBER), Some(1));

    assert_eq!(world.client(&["draft", "desk", "--edit"]).code(), 2, "nobody is there to edit");
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=two"]));
    assert!(done(world.client(&["draft", "desk"])).out.contains("systemPrompt = \"two\""));
    let rehearsed = done(world.client(&["publish", "desk", "--to", "live", "--dry-run"])).out;
    assert!(rehearsed.starts_with("V2 of desk would serve live; 1 number leads there\n"), "{rehearsed}");
    assert!(rehearsed.contains("- one") && rehearsed.contains("+ two"), "{rehearsed}");
    assert_eq!(world.version_at(NUMBER), Some(1));
    done(world.client(&["publish", "desk", "--to", "live", "--yes", "-m", "better"]));
    assert_eq!(world.client(&["publish", "desk", "--to", "live", "--yes"]).code(), 1, "nothing changed");
    assert_eq!(world.call(NUMBER, "in-progress")["version"], 2);

    let back = done(world.client(&["rollback", "desk", "--yes"])).out;
    assert!(back.starts_with("V1 of desk serves live again, from revision "), "{back}");
    assert_eq!(world.call(NUMBER, "next")["version"], 1);
    let body = json!({"to": NUMBER, "from": CALLER, "callId": "in-progress"});
    let kept = world.gateway().post("/v1/calls", &body).must(200).json();
    assert_eq!((&kept["version"], &kept["reason"]["code"]), (&json!(2), &json!("call_in_progress")));
    let deployments = done(world.client(&["deployments", "desk", "--environment", "live"])).out;
    assert_eq!(deployments.lines().filter(|line| line.starts_with("live")).count(), 3, "{deployments}");
    assert!(deployments.lines().nth(1).unwrap().starts_with("live *"), "{deployments}");
}

#[test]
fn who_says_yes_at_a_terminal_reaches_live_in_every_way_whatever_the_draft_is() {
    let world = with_desk(bare().running());
    let ways: [(&[&str], u64); 4] = [
        (&["publish", "desk", "--to", "live"], 1),
        (&["publish", "desk", "--to", "live"], 2),
        (&["rollback", "desk"], 1),
        (&["promote", "desk", "--from", "pre-release"], 3),
    ];
    for (n, (line, version)) in ways.into_iter().enumerate() {
        done(world.client(&["draft", "desk", "set", &format!("description=Draft {n}")]));
        if version == 3 {
            done(world.client(&["publish", "desk", "--to", "pre-release"]));
            done(world.client(&["draft", "desk", "set", "description=later"]));
        }
        let serving = world.version_at(NUMBER);
        assert_eq!(world.answering(line, "n\n").0, 1, "{line:?}");
        assert_eq!(world.version_at(NUMBER), serving, "{line:?}");
        let (code, said) = world.answering(line, "y\n");
        assert_eq!((code, world.version_at(NUMBER)), (0, Some(version)), "{line:?}: {said}");
    }
}

#[test]
fn a_dry_run_of_what_the_files_have_says_where_it_stands_as_the_real_thing_does() {
    let world = World::example().running();
    let real = world.client(&["publish", "sales"]);
    assert_eq!(real.code(), 1);
    assert!(real.err.contains("it stands in agents/sales/agent.toml"), "{}", real.err);
    assert_eq!(world.client(&["publish", "sales", "--dry-run"]).err, real.err);
}

#[test]
fn an_agent_moves_to_another_router_by_the_command_line() {
    let world = with_desk(bare().running());
    done(world.client(&["publish", "desk", "--to", "live", "--yes"]));
    done(world.client(&["draft", "desk", "set", "description=later"]));
    done(world.client(&["agents", "export", "desk", "--output", "desk.json"]));
    let file = world.config().parent().unwrap().join("desk.json").display().to_string();
    let other = bare().running();
    done(other.client(&["agents", "import", &file]));
    let content = |world: &World| {
        let told = done(world.client(&["agents", "export", "desk"])).out;
        told.split_once("\"agents\":").unwrap().1.to_owned()
    };
    assert_eq!(content(&other), content(&world));
    assert_eq!(other.client(&["agents", "import", &file]).code(), 1, "it is there by now");
    done(other.client(&["numbers", "put", NUMBER, "--agent", "desk", "--pin", "live", "--yes"]));
    let hash = |world: &World| world.route(NUMBER).json()["versionHash"].clone();
    assert_eq!(hash(&other), hash(&world));
}

/// What was published, as far as it was acknowledged.
#[derive(Default)]
struct Acknowledged {
    version: AtomicU64,
    /// How long the last edit and its publish took, in microseconds.
    took: AtomicU64,
}

/// Edits and publishes until nobody answers.
fn publish_on(operator: &mut Client, round: &mut u64, acknowledged: &Acknowledged) {
    loop {
        *round += 1;
        let begun = Instant::now();
        let prompt = json!({"instructions": {"systemPrompt": format!("round {round}")}});
        let edited = operator.try_ask("PATCH", "/v1/agents/desk/draft", Some(&prompt));
        let Ok(reply) = edited else { return };
        reply.must(200);
        let body = json!({"environment": "live", "versionName": format!("round {round}")});
        let published = operator.try_ask("POST", "/v1/agents/desk/deployments/publish", Some(&body));
        let Ok(reply) = published else { return };
        let version = reply.must(201).json()["deployment"]["metadata"]["version_number"].as_u64().unwrap();
        acknowledged.took.store(u64::try_from(begun.elapsed().as_micros()).unwrap(), Ordering::SeqCst);
        acknowledged.version.store(version, Ordering::SeqCst);
    }
}

#[test]
fn a_kill_leaves_all_of_a_publish_or_nothing_of_it() {
    let mut world = with_desk(bare().running());
    let acknowledged = Acknowledged::default();
    let version = || acknowledged.version.load(Ordering::SeqCst);
    let (mut dice, mut round) = (StdRng::seed_from_u64(7), 0);
    for _ in 0..KILLS {
        let wanted = version() + dice.random_range(1..6);
        thread::scope(|scope| {
            let (mut operator, round, acknowledged) = (world.operator(), &mut round, &acknowledged);
            let publishing = scope.spawn(move || publish_on(&mut operator, round, acknowledged));
            let deadline = Instant::now() + PATIENCE;
            while version() < wanted {
                assert!(Instant::now() < deadline && !publishing.is_finished(), "nothing is published");
                thread::yield_now();
            }
            // Anywhere in the next edit and its publish.
            let share = dice.random_range(0..=acknowledged.took.load(Ordering::SeqCst));
            let moment = Instant::now() + Duration::from_micros(share);
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            world.kill_9();
        });
        world.start();
        let list = |path: &str, member: &str| {
            let all = world.operator().get(path).must(200).json()[member].clone();
            all.as_array().unwrap().clone()
        };
        let versions = list("/v1/agents/desk/versions?limit=1000", "versions");
        let deployments = list("/v1/agents/desk/deployments?environment=live&limit=1000", "deployments");
        let saved: Vec<&Value> = versions.iter().skip(1).map(|version| &version["number"]).collect();
        let served: Vec<&Value> = deployments.iter().map(|it| &it["metadata"]["version_number"]).collect();
        assert_eq!(saved, served, "a version that was saved without being published, or the other way round");
        let last = saved[0].as_u64().unwrap();
        assert!(last >= version(), "what was acknowledged is there");
        assert_eq!(world.version_at(NUMBER), Some(last));
        let active = world.operator().get("/v1/agents/desk/deployments/active").must(200).json();
        assert_eq!(active["activeDeployments"]["live"]["id"], deployments[0]["id"]);
        let history = list("/v1/history?target=desk&limit=1000", "entries");
        let publishes = history.iter().filter(|entry| entry["action"] == "deployment.publish").count();
        assert_eq!(publishes, served.len());
    }
}

/// The blocks of shell in `docs/ci.md`.
fn jobs() -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a job as CI would: with the router's address and a key in variables, and nothing else of it.
fn job(world: &World, script: &str, (release, attempt): (&str, u32)) -> Ended {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_cordboard"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", script])
        .env_clear()
        .env("PATH", path)
        .env("CORDBOARD_URL", format!("http://{}", world.admin_address()))
        .env("CORDBOARD_KEY", world.key())
        .env("RELEASE", release)
        .env("ATTEMPT", attempt.to_string())
        .current_dir(world.config())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn the_job_of_the_documentation_releases_does_nothing_twice_and_goes_back() {
    if std::process::Command::new("jq").arg("--version").output().is_err() {
        return skip("the job of the documentation releases", "there is no jq");
    }
    let world = with_desk(bare().running());
    let [release, back] = jobs().try_into().unwrap();
    for (name, prompt, version) in [("r1", "one", 1), ("r2", "two", 2)] {
        let config = format!("name = \"Front desk\"\ninstructions.systemPrompt = \"{prompt}\"\n");
        world.edit("agent.toml", &config);
        let told = done(job(&world, &release, (name, 1))).out;
        assert!(
            told.contains(&format!("V{version} of desk would serve live; 1 number leads there")),
            "{told}"
        );
        assert!(told.ends_with("released\n"), "{told}");
        assert_eq!(world.version_at(NUMBER), Some(version));
        let revision = world.revision();
        assert!(done(job(&world, &release, (name, 2))).out.ends_with("nothing to release\n"));
        assert_eq!((world.version_at(NUMBER), world.revision()), (Some(version), revision));
    }
    done(job(&world, &back, ("r2", 1)));
    assert_eq!(world.version_at(NUMBER), Some(1));
    done(job(&world, &back.replace("--yes", "--to V1 --yes"), ("r2", 1)));
    assert_eq!(world.version_at(NUMBER), Some(1), "what is named is there already");
    assert_eq!(job(&world, &back, ("r2", 1)).code(), 1, "nothing served before that");
    let again = done(job(&world, &release, ("r2", 3))).out;
    assert!(again.ends_with("released\n"), "{again}");
    assert_eq!(world.version_at(NUMBER), Some(2), "what was taken back goes out again where it is asked for");

    // A run that breaks off after sandbox, since pre-release may not be entered: the next goes on from there.
    world.edit("agent.toml", "name = \"Front desk\"\ninstructions.systemPrompt = \"three\"\n");
    let breaks_off = release.replace("--to pre-release", "--to nowhere");
    assert_eq!(job(&world, &breaks_off, ("r3", 1)).code(), 2);
    assert_eq!(world.version_at(NUMBER), Some(2));
    assert!(done(job(&world, &release, ("r3", 2))).out.ends_with("released\n"));
    assert_eq!(world.version_at(NUMBER), Some(3));
    let broken = job(&world, &release.replace("agent.toml", "nowhere.toml"), ("r4", 1));
    assert_eq!(broken.code(), 2, "{}", broken.err);
}
