//! nginx doing the same by its own means: the number by `map`, the arm by `split_clients`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::process::Server;

/// Starts nginx on a free port with so many numbers, answering about so many bytes. None where it is not installed.
///
/// # Errors
/// Its files could not be written.
pub fn start(folder: &Path, numbers: u64, body_bytes: usize) -> io::Result<Option<(Server, SocketAddr)>> {
    let mut map = String::new();
    for i in 0..numbers {
        let _ = writeln!(map, "\"+{}\" \"agent-{}:v{}\";", 14_000_000_000 + 7 * i, i % 1_000, i % 9 + 1);
    }
    fs::write(folder.join("map.nginx"), map)?;
    // Asked of the system and let go: nginx cannot say which port 0 became.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let settings = settings(folder, address, "x".repeat(body_bytes.saturating_sub(100)).as_str());
    let file = folder.join("nginx.conf");
    fs::write(&file, settings)?;
    match Server::start(Command::new("nginx").arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"))) {
        Ok(server) => Ok(Some((server, address))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn settings(folder: &Path, address: SocketAddr, pad: &str) -> String {
    let d = folder.display();
    format!(
        r#"worker_processes auto; daemon off; pid {d}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {d}; proxy_temp_path {d}; fastcgi_temp_path {d};
  uwsgi_temp_path {d}; scgi_temp_path {d};
  map_hash_max_size 4194304; map_hash_bucket_size 128; keepalive_requests 1000000000; tcp_nodelay on;
  map $arg_to $pin {{ default ""; include {d}/map.nginx; }}
  split_clients "$arg_from$arg_to" $arm {{ 20% "test"; * "control"; }}
  server {{
    listen {address} reuseport;
    location /v1/route {{
      default_type application/json;
      if ($pin = "") {{ return 404 '{{"reason":"no_route"}}'; }}
      return 200 '{{"agent":"$pin","arm":"$arm","target":"sip:agent@10.0.0.1:5060","pad":"{pad}"}}';
    }}
  }}
}}
"#
    )
}
