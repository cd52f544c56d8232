//! A worker that is busy reads some sockets without asking which are ready. Nobody may notice: the
//! clients here wait less long for an answer than the server does before it sends anything again.

use bootwire::{Router, Schedule};

use super::*;

/// How long a client waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client in lockstep.
struct Lockstep {
    socket: UdpSocket,
    block: u16,
    peer: SocketAddr,
}

impl Lockstep {
    /// Asks for the file and takes its first block.
    fn start(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(b"\0\x01/image\0octet\0", server).unwrap();
        let mut data = [0; 600];
        let (len, peer) = socket.recv_from(&mut data).unwrap();
        assert_eq!((len, &data[..4]), (516, &[0, 3, 0, 1][..]));
        Self {
            socket,
            block: 1,
            peer,
        }
    }

    fn acknowledge(&self) {
        let [high, low] = self.block.to_be_bytes();
        self.socket.send_to(&[0, 4, high, low], self.peer).unwrap();
    }

    fn receive(&mut self) {
        let mut data = [0; 600];
        let len = self.socket.recv(&mut data).expect("an answer to each ACK");
        self.block += 1;
        let [high, low] = self.block.to_be_bytes();
        assert_eq!((len, &data[..4]), (516, &[0, 3, high, low][..]));
    }
}

fn everybody_is_answered(server: Server) {
    let app = Router::new().read("/image", async || vec![7; 1 << 20]);
    let schedule = Schedule {
        resend_min: Some(3 * PATIENCE),
        first: 3 * PATIENCE,
        ceiling: 3 * PATIENCE,
        ..Schedule::default()
    };
    let server = Running::with(app, server.schedule(schedule));
    let mut clients: Vec<_> = (0..48).map(|_| Lockstep::start(server.address)).collect();
    for _ in 0..5 {
        // All at once, for as long as it takes to find the worker busy; halfway one more comes.
        clients.iter().for_each(Lockstep::acknowledge);
        for round in 0..120 {
            if round == 60 {
                let late = Lockstep::start(server.address);
                late.acknowledge();
                clients.push(late);
            }
            for client in &mut clients {
                client.receive();
                client.acknowledge();
            }
        }
        clients.iter_mut().for_each(Lockstep::receive);
        // Then one by one, with time for the worker to fall asleep.
        for client in clients.iter_mut().step_by(9) {
            std::thread::sleep(Duration::from_millis(2));
            client.acknowledge();
            client.receive();
        }
    }
}

fn server() -> Server {
    Server::bind("127.0.0.1:0").workers(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_at_once_and_one_by_one() {
    everybody_is_answered(server());
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_single_port() {
    everybody_is_answered(server().single_port(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plain_calls() {
    everybody_is_answered(server().portable_io(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_worker_that_never_looks_for_packets_and_by_one_that_always_does() {
    everybody_is_answered(server().spin(Duration::ZERO));
    everybody_is_answered(server().spin(Duration::from_millis(1)));
}
