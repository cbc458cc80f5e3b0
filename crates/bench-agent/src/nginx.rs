//! nginx with one worker and a configuration of its own in a temporary folder:
//! once with a fixed answer, once with a cache before the emulator. It writes
//! no access log, while the agent writes its audit log.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::contender::Contender;
use crate::http::Connection;
use crate::process::{self, Core, Process};

const START_TIME_MAX: Duration = Duration::from_secs(10);
/// A longer word its configuration does not take.
const BODY_BYTES_MAX: usize = 4_000;

/// Starts both; one without nginx says so.
pub(crate) fn start(
    folder: &Path,
    bytes: usize,
    upstream: &str,
    path: &str,
    headers: &[(&'static str, String)],
) -> anyhow::Result<[Contender; 2]> {
    // Debian has it where only root looks.
    let programs = ["nginx", "/usr/sbin/nginx"];
    let Some(program) = programs.into_iter().find(|program| process::has(program)) else {
        bail!("there is no nginx; install Debian's nginx-light");
    };
    if bytes > BODY_BYTES_MAX {
        bail!("the body of {bytes} bytes is too long for nginx's return");
    }
    let fixed = format!("location / {{ return 200 \"{}\"; }}", "x".repeat(bytes));
    let cache = format!(
        "location / {{
            proxy_pass http://{upstream};
            proxy_cache answers;
            proxy_cache_valid 200 1h;
            proxy_hide_header Connection;
        }}"
    );
    let contender = |name, location: &str, path: &str| -> anyhow::Result<Contender> {
        let folder = folder.join(name);
        std::fs::create_dir(&folder)?;
        let (process, address) = run(program, &folder, location)?;
        let contender = Contender {
            name,
            address,
            path: path.to_owned(),
            headers: headers.to_vec(),
            process: Rc::new(process),
        };
        wait_for(&contender)?;
        Ok(contender)
    };
    Ok([
        contender("nginx, return 200", &fixed, "/credentials")?,
        contender("nginx, proxy_cache", &cache, path)?,
    ])
}

fn run(program: &str, folder: &Path, location: &str) -> anyhow::Result<(Process, String)> {
    // Free a moment ago: nginx takes no port that the kernel chooses.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let place = folder.display();
    let is_root = Command::new("sh").args(["-c", "test $(id -u) = 0"]).status()?.success();
    let user = if is_root { "user root;" } else { "" };
    let configuration = format!(
        "daemon off;
{user}
worker_processes 1;
pid \"{place}/pid\";
error_log \"{place}/error.log\";
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/json;
    server_tokens off;
    keepalive_requests 1000000000;
    client_body_temp_path \"{place}/body\";
    proxy_temp_path \"{place}/proxy\";
    fastcgi_temp_path \"{place}/fastcgi\";
    uwsgi_temp_path \"{place}/uwsgi\";
    scgi_temp_path \"{place}/scgi\";
    proxy_cache_path \"{place}/cache\" keys_zone=answers:1m;
    server {{
        listen {address};
        {location}
    }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = Core::Server.command(Path::new(program));
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    command.arg("-e").arg(folder.join("error.log")).stderr(Stdio::null());
    Ok((Process::start(&mut command)?, address.to_string()))
}

/// Until it answers, which fills the cache as well.
fn wait_for(contender: &Contender) -> anyhow::Result<()> {
    let begun = Instant::now();
    let request = contender.request(true);
    loop {
        let asked = Connection::open(&contender.address)
            .and_then(|mut connection| connection.ask(request.as_bytes()).map(drop));
        match asked {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > START_TIME_MAX => {
                return Err(error).context("nginx does not answer");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
