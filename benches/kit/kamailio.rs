//! Kamailio doing the same by its own means: the number by `htable`, the arm by chance, the answer by `sl_send_reply`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::process::Server;

/// Starts Kamailio on a free port with so many numbers. None where it is not installed.
///
/// # Errors
/// Its files could not be written.
pub fn start(folder: &Path, numbers: u64) -> io::Result<Option<(Server, SocketAddr)>> {
    let tables = folder.join("kamailio");
    fs::create_dir_all(&tables)?;
    fs::write(tables.join("version"), "table_name(string) table_version(int)\nhtable:2\n")?;
    let mut rows =
        "id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n"
            .to_owned();
    for i in 0..numbers {
        let (number, agent, version) = (14_000_000_000 + 7 * i, i % 1_000, i % 9 + 1);
        let _ = writeln!(rows, "{}:+{number}:0:0:agent-{agent};v{version}:0", i + 1);
    }
    fs::write(tables.join("htable"), rows)?;
    // Asked of the system and let go: Kamailio cannot say which port 0 became.
    let address = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let file = folder.join("kamailio.cfg");
    fs::write(&file, settings(&tables, address))?;
    let mut command = Command::new("kamailio");
    command.arg("-f").arg(&file).args(["-m", "512", "-M", "64", "-DD", "-E", "-Y"]).arg(folder);
    match Server::start(&mut command) {
        Ok(server) => Ok(Some((server, address))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn settings(tables: &Path, address: SocketAddr) -> String {
    let tables = tables.display();
    format!(
        r#"#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
listen=udp:{address}
loadmodule "kex.so"
loadmodule "cfgutils.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "db_text.so"
loadmodule "htable.so"
modparam("htable", "db_url", "text://{tables}")
modparam("htable", "htable", "pins=>size=16;dbtable=htable;")
request_route {{
  if (is_method("ACK")) exit;
  if ($sht(pins=>$rU) == $null) {{ sl_send_reply("404", "Not Found"); exit; }}
  $var(draw) = $RANDOM mod 100;
  if ($var(draw) < 20) {{ append_to_reply("X-Arm: test\r\n"); }} else {{ append_to_reply("X-Arm: control\r\n"); }}
  append_to_reply("Contact: <sip:$(sht(pins=>$rU){{s.select,0,;}})@10.0.0.1:5060>\r\n");
  append_to_reply("X-Agent-Version: $(sht(pins=>$rU){{s.select,1,;}})\r\n");
  sl_send_reply("302", "Moved Temporarily");
}}
"#
    )
}
