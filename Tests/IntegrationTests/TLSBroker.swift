import AMQPClient
import Foundation
import Synchronization
import TestSupport
import Testing

/// A RabbitMQ of its own that listens with TLS, and the certificates for it; gone with the last reference.
///
/// One node serves every case: more listeners, each with its own options, are opened while it runs.
final class TLSBroker: Sendable {
    /// How the broker is started; `ops/test` sets it.
    private static let command = ProcessInfo.processInfo.environment["MILLRACE_RABBITMQ"]
    static var isPossible: Bool { Self.command != nil }

    let certificates: Certificates
    let plainPort: Int
    /// Takes a client certificate and does not ask for one.
    let port: Int
    private let command: String
    private let folder: String

    init() throws {
        self.command = try #require(Self.command)
        self.certificates = try Certificates()
        self.folder = self.certificates.folder + "/broker"
        self.port = try Self.freePort()
        var arguments = ["start", "--dir", self.folder, "--plugin", "rabbitmq_auth_mechanism_ssl"]
        for line in [
            "listeners.ssl.1=127.0.0.1:\(self.port)",
            "ssl_options.cacertfile=\(self.certificates.path("ca.pem"))",
            "ssl_options.certfile=\(self.certificates.path("server.pem"))",
            "ssl_options.keyfile=\(self.certificates.path("server.key"))",
            "ssl_options.verify=verify_peer",
            "ssl_options.fail_if_no_peer_cert=false",
            "ssl_cert_login_from=common_name",
            "auth_mechanisms.1=PLAIN", "auth_mechanisms.2=AMQPLAIN", "auth_mechanisms.3=EXTERNAL",
            "auth_mechanisms.4=RABBIT-CR-DEMO",
        ] {
            arguments += ["--config", line]
        }
        let started = try Tool.boot(self.command, arguments)
        let address = started.output.split(separator: "\n").last.map { $0.dropFirst("AMQP_URL=".count) } ?? ""
        guard started.status == 0, let endpoint = try? Endpoint(uri: String(address)) else {
            throw PeerFailure("RabbitMQ did not start: \(started.errors)")
        }
        self.plainPort = endpoint.port
    }

    deinit { _ = try? Tool.run(self.command, ["stop", "--delete", "--dir", self.folder]) }

    /// Runs rabbitmqctl.
    @discardableResult
    func control(_ arguments: String...) throws -> String {
        let result = try Tool.run(self.command, ["ctl", "--dir", self.folder, "--quiet"] + arguments)
        guard result.status == 0 else { throw PeerFailure("rabbitmqctl", arguments, result) }
        return result.output
    }

    /// Options of one more listener, as Erlang terms.
    func listener(certificate: String = "server", _ more: String = "") throws -> Listener {
        let port = try Self.freePort()
        func file(_ name: String) -> String { "\"\(self.certificates.path(name))\"" }
        let options =
            "[{cacertfile,\(file("ca.pem"))},{certfile,\(file("\(certificate).pem"))},"
            + "{keyfile,\(file("\(certificate).key"))}\(more.isEmpty ? "" : ",")\(more)]"
        return Listener(port: port, options: options)
    }

    struct Listener {
        let port: Int
        let options: String
    }

    /// Opens more listeners and adds the user `ann`, whose password is `pw`: one call, since each takes seconds.
    func prepare(_ listeners: [Listener]) throws {
        let steps =
            listeners.map {
                "ok = rabbit_networking:start_ssl_listener({\"127.0.0.1\",\($0.port)}, \($0.options), 1)"
            } + [
                "rabbit_auth_backend_internal:add_user(<<\"ann\">>, <<\"pw\">>, <<\"test\">>)",
                "rabbit_auth_backend_internal:set_permissions("
                    + "<<\"ann\">>, <<\"/\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>)",
            ]
        try self.control("eval", steps.joined(separator: ", ") + ".")
    }

    private static let givenPorts = Mutex<Set<UInt16>>([])

    /// Below the ports that the system gives to outgoing connections, and never the same twice: it is used later.
    static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = UInt16.random(in: 10_240..<32_000)
            guard Self.givenPorts.withLock({ $0.insert(port).inserted }) else { continue }
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
            let isFree = withUnsafePointer(to: &address) { pointer in
                // The socket calls want their general address type.
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isFree { return Int(port) }
        }
        throw PeerFailure("no free port")
    }
}

/// Certificates made for one run of the tests, gone with it.
final class Certificates: Sendable {
    private let scratch: Scratch
    var folder: String { self.scratch.path }

    init() throws {
        self.scratch = try Scratch()
        let extensions = "subjectAltName=DNS:localhost,DNS:mq.example,IP:127.0.0.1"
        let script = """
            set -e
            cd '\(self.scratch.path)'
            ca() { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" -keyout $1.key -out $1.pem; }
            leaf() {
                openssl req -newkey rsa:2048 -nodes -subj "/CN=$3" -keyout $2.key -out $2.csr
                printf '%s\\n' "$4" >$2.ext
                shift_days="${5:--days 2}"
                openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -CAcreateserial $shift_days -extfile $2.ext -out $2.pem
            }
            ca ca 'Test CA'
            ca other 'Other CA'
            leaf ca server localhost '\(extensions)'
            leaf ca expired localhost '\(extensions)' '-days -1'
            leaf ca client ann 'extendedKeyUsage=clientAuth'
            leaf other stranger ann 'extendedKeyUsage=clientAuth'
            openssl rsa -in client.key -aes256 -passout pass:s3cret -out locked.key
            chmod 644 *.key
            """
        let made = try Tool.run("/bin/sh", ["-c", script])
        guard made.status == 0 else { throw PeerFailure("openssl: \(made.errors)") }
    }

    func path(_ name: String) -> String { self.scratch.path + "/" + name }
}
