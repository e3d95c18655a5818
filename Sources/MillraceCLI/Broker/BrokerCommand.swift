import AMQPBroker
import AMQPBrokerServer
import AMQPClient
import ArgumentParser
import Glibc
import MillraceAdmin
import MillraceEmbedded
import NIOCore

struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Run an AMQP 0-9-1 broker in memory, for development and tests.",
        discussion: """
            It behaves as RabbitMQ does in the release that --profile names: exchanges, classic and quorum queues, prefetch, dead letters, \
            confirms, transactions, and the codes and texts of what it refuses. Any client can use it: amqp://guest:guest@127.0.0.1:5672/. \
            It prints where it listens, for which `--listen 127.0.0.1:0` takes any free port, and serves until SIGTERM or Ctrl-C.

            Nothing survives it: durable queues and persistent messages are gone with the process. It has no TLS, no cluster, no plugins, no \
            permissions beyond a password for each user. Give messages that count to a RabbitMQ.
            """
    )

    @Option(
        help: ArgumentHelp(
            "Where to listen: ADDRESS:PORT, port 0 for any that is free, or the path of a Unix socket, with a slash in it.",
            discussion: "An address that other machines can reach needs --user, for everybody knows guest's password.",
            valueName: "place"
        )
    )
    var listen = "127.0.0.1:5672"

    @Option(help: ArgumentHelp("The RabbitMQ to be like: 3.10, 4.0 or 4.3.", valueName: "release"))
    var profile = "3.10"

    @Option(
        help: ArgumentHelp(
            "Who may log in; instead of guest, and as often as there are users.",
            discussion: "Lists of processes show it: take no password that is used elsewhere.",
            valueName: "name:password"
        )
    )
    var user: [String] = []

    @Option(help: ArgumentHelp("A virtual host beside /; as often as there are some.", valueName: "name"))
    var vhost: [String] = []

    func validate() throws {
        _ = try self.settings()
        guard try !self.place().isLocal, self.user.isEmpty else { return }
        throw ValidationError(
            "other machines can reach \(PlainText.line(self.listen)), and everybody knows guest's password: name a --user"
        )
    }

    /// What the broker is to be.
    func settings() throws -> BrokerSettings {
        guard let profile = Profile.of(self.profile) else {
            throw ValidationError("--profile takes 3.10, 4.0 or 4.3, not '\(PlainText.line(self.profile))'")
        }
        var settings = BrokerSettings(profile: profile)
        if !self.user.isEmpty { settings.users = [:] }
        for text in self.user {
            // A password may have colons in it.
            guard let colon = text.firstIndex(of: ":"), colon != text.startIndex,
                text.index(after: colon) != text.endIndex
            else { throw ValidationError("--user takes NAME:PASSWORD") }
            let known = settings.users.updateValue(
                String(text[text.index(after: colon)...]),
                forKey: String(text[..<colon])
            )
            guard known == nil else {
                throw ValidationError("--user names \(PlainText.line(String(text[..<colon]))) twice")
            }
        }
        for name in self.vhost where !settings.virtualHosts.contains(name) {
            // As on the wire.
            guard (1...255).contains(name.utf8.count) else {
                throw ValidationError("--vhost takes a name of 1 to 255 octets")
            }
            settings.virtualHosts.append(name)
        }
        return settings
    }

    private func place() throws -> ListenPlace {
        do throws(ListenPlace.Refusal) {
            return try ListenPlace(self.listen)
        } catch {
            throw ValidationError(PlainText.line("\(error)"))
        }
    }

    func run() throws {
        let stop = try StopNote()  // before any thread exists
        let settings = try self.settings()
        let place = try self.place()
        let server = try self.start(settings, place)
        defer { if case .socket(let path) = place.kind { unlink(path) } }
        let address =
            switch place.kind {
            case .port: "amqp://\(place.broker.host ?? ""):\(server.port)"
            case .socket(let path): RunDoors.absolute(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
            }
        try StandardOutput.line("listening on \(address), as RabbitMQ \(settings.profile.version)")
        try StandardOutput.line("in memory, for development and tests; nothing survives")
        if !place.isLocal {
            StandardError.write(
                "other machines can reach it: passwords and messages go over the network as they are, without TLS"
            )
        }
        var signal = pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&signal, 1, -1) < 0, errno == EINTR {}
        let rest = try Await.result { try await Self.end(server, settings) }
        try StandardOutput.line(rest == 0 ? "stopped; no message was left" : "stopped; messages gone with it: \(rest)")
    }

    private func start(_ settings: BrokerSettings, _ place: ListenPlace) throws -> BrokerServer {
        do {
            if case .socket(let path) = place.kind {
                guard !SocketFile.isAlive(path) else { throw DoorFailure("somebody listens at \(path) already") }
                try SocketFile.removeDead(path)
            }
            return try Await.result { try await BrokerServer.start(settings, at: place.broker) }
        } catch {
            StandardError.write(Self.words(for: error, self.listen))
            throw ExitCode.unavailable
        }
    }

    static func words(for error: any Error, _ place: String) -> String {
        guard let code = (error as? IOError)?.errnoCode else { return "\(error)" }
        return switch code {
        case EADDRINUSE:
            "\(place) is in use, perhaps by a RabbitMQ; --listen 127.0.0.1:0 takes any free port, and prints it"
        case EADDRNOTAVAIL: "\(place) is no address of this machine"
        case EACCES: "\(place) can not be opened by this user: \(String(cString: strerror(code)))"
        default: "\(place) can not be opened: \(String(cString: strerror(code)))"
        }
    }

    /// Tells all clients, as RabbitMQ does, and counts what is gone.
    private static func end(_ server: BrokerServer, _ settings: BrokerSettings) async throws -> Int {
        let rest = try await server.with { broker, now in
            for id in broker.connectionIDs {
                broker.forceClose(id, "broker forced connection closure with reason 'shutdown'", now: now)
            }
            return settings.virtualHosts.flatMap { broker.queues(in: $0) }.reduce(0) { $0 + $1.ready + $1.unacked }
        }
        await server.stop()
        return rest
    }
}

extension BrokerPlace {
    /// As it stands in a URI; nil for a Unix socket.
    fileprivate var host: String? {
        guard case .tcp(let host, _) = self else { return nil }
        return host.contains(":") ? "[\(host)]" : host
    }
}
