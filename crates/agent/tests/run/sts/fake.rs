//! An STS for tests: plain HTTP on loopback, knows the two operations that the
//! agent asks for, writes down what it was told, and fails as it is bidden.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Secrets that it issues.
pub(crate) const ISSUED: [&str; 2] =
    ["issued-by-the-fake-STS/secret+key", "issued-session-token//of-the-fake"];
/// The end of what it issues; a fraction, as some of AWS's own have.
pub(crate) const EXPIRATION: &str = "2099-01-02T03:04:05.678Z";
/// The same as the doors write it.
pub(crate) const EXPIRATION_SERVED: &str = "2099-01-02T03:04:05Z";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The form, decoded.
    pub(crate) form: BTreeMap<String, String>,
    /// Header names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Asked {
    /// The parameter `name`, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// What it answers from now on.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    /// As it should.
    Well,
    /// A refusal with a code.
    Refuses(u16, &'static str),
    /// An answer that is no XML.
    Nonsense,
    /// Credentials without an end.
    Endless,
}

/// The service; its threads end with the test.
pub(crate) struct FakeSts {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    mood: Arc<Mutex<Mood>>,
}

/// How far its clock is ahead of the machine's.
pub(crate) const AHEAD_SECONDS: i64 = 7_200;

impl FakeSts {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (asked, mood) = (Arc::default(), Arc::new(Mutex::new(Mood::Well)));
        let (log, state) = (Arc::clone(&asked), Arc::clone(&mood));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, state) = (Arc::clone(&log), Arc::clone(&state));
                // A caller that breaks off is none of a test's business.
                std::thread::spawn(move || answer(stream, &log, &state));
            }
        });
        Self { address, asked, mood }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().expect("no panic") = mood;
    }
}

fn answer(stream: TcpStream, log: &Mutex<Vec<Asked>>, mood: &Mutex<Mood>) -> Option<()> {
    let asked = read(&stream)?;
    let (action, arn) = (asked.get("Action").to_owned(), asked.get("RoleArn").to_owned());
    let nth = {
        let mut log = log.lock().ok()?;
        log.push(asked);
        log.len()
    };
    let mood = mood.lock().ok()?.clone();
    let (status, body) = match mood {
        Mood::Well => (200, issued(&action, &arn, nth, Some(EXPIRATION))),
        Mood::Endless => (200, issued(&action, &arn, nth, None)),
        Mood::Nonsense => (200, "<html>a captive portal</html>".to_owned()),
        Mood::Refuses(status, code) => (status, refused(code)),
    };
    let ahead = Duration::from_secs(AHEAD_SECONDS.unsigned_abs());
    let date = httpdate::fmt_http_date(SystemTime::now() + ahead);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nDate: {date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes()).ok()
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    lines.read_exact(&mut body).ok()?;
    let text = String::from_utf8(body).ok()?;
    let form = text.split('&').filter_map(|pair| pair.split_once('='));
    let form = form.map(|(name, value)| (decoded(name), decoded(value))).collect();
    Some(Asked { form, headers })
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).expect("text")
}

/// The last four of the key tell which answer it was.
fn issued(action: &str, arn: &str, nth: usize, end: Option<&str>) -> String {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let end = end.map(|end| format!("<Expiration>{end}</Expiration>")).unwrap_or_default();
    let [secret, token] = ISSUED;
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/{name}/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIAISSUED000000{nth:04}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}-{nth}</SessionToken>{end}</Credentials></{action}Result><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{action}Response>"
    )
}

fn refused(code: &str) -> String {
    if code.is_empty() {
        return "upstream connect error".to_owned();
    }
    let [secret, _] = ISSUED;
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>it repeats {secret}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
}
