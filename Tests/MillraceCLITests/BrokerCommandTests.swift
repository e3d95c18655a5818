import AMQPBroker
import ArgumentParser
import Glibc
import NIOCore
import Testing

@testable import MillraceCLI

@Suite struct BrokerCommandTests {
    private func parse(_ words: String...) throws -> BrokerCommand {
        try #require(try BrokerCommand.parseAsRoot(words) as? BrokerCommand)
    }

    private func complaint(_ words: String...) -> String {
        do {
            _ = try BrokerCommand.parseAsRoot(words)
            return "none"
        } catch {
            return BrokerCommand.fullMessage(for: error)
        }
    }

    @Test func `without a word it is RabbitMQ 3_10 for guest, on the usual port of the loopback interface`() throws {
        let command = try self.parse()
        let settings = try command.settings()
        #expect(command.listen == "127.0.0.1:5672")
        #expect(settings.profile == .rabbitMQ310)
        #expect(settings.users == ["guest": "guest"])
        #expect(settings.virtualHosts == ["/"])
    }

    @Test func `users take guest's place, virtual hosts are there beside the first`() throws {
        let settings = try self.parse(
            "--profile",
            "4.3",
            "--user",
            "ann:a:b",
            "--user",
            "bob:c",
            "--vhost",
            "shop",
            "--vhost",
            "/",
            "--vhost",
            "shop"
        ).settings()
        #expect(settings.profile == .rabbitMQ43)
        #expect(settings.users == ["ann": "a:b", "bob": "c"])
        #expect(settings.virtualHosts == ["/", "shop"])
    }

    @Test(arguments: [
        (["--profile", "3.9"], "--profile takes 3.10, 4.0 or 4.3, not '3.9'"),
        (["--user", "ann"], "--user takes NAME:PASSWORD"), (["--user", ":x"], "--user takes NAME:PASSWORD"),
        (["--user", "ann:"], "--user takes NAME:PASSWORD"),
        (["--user", "ann:a", "--user", "ann:b"], "--user names ann twice"),
        (["--vhost", ""], "--vhost takes a name of 1 to 255 octets"),
        (["--listen", "5672"], "--listen takes ADDRESS:PORT, as 127.0.0.1:5672 or [::1]:0"),
        (["--listen", ":5672"], "--listen takes ADDRESS:PORT"),
        (["--listen", "::1:5672"], "--listen takes ADDRESS:PORT"),
        (["--listen", "127.0.0.1:65536"], "--listen takes ADDRESS:PORT"),
        (["--listen", "run/"], "'run/' is a folder"),
        (["--listen", "/" + String(repeating: "x", count: 107)], "the path is too long for a Unix socket"),
        (["--listen", "no host:1"], "there is no address 'no host'"),
        (["--listen", "0.0.0.0:0"], "other machines can reach 0.0.0.0:0, and everybody knows guest's password"),
    ])
    func `what is wrong is said before anything listens`(words: [String], text: String) {
        let complaint =
            switch words.count {
            case 2: self.complaint(words[0], words[1])
            default: self.complaint(words[0], words[1], words[2], words[3])
            }
        #expect(complaint.contains(text), "\(complaint)")
    }

    @Test func `other machines are let in when a user is named`() throws {
        #expect(try self.parse("--listen", "0.0.0.0:0", "--user", "ann:a").listen == "0.0.0.0:0")
    }

    @Test(arguments: [
        ("127.0.0.1:5672", true), ("127.8.9.1:0", true), ("[::1]:5672", true), ("./broker.sock", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false), ("203.0.113.9:1", false), ("[2001:db8::127]:1", false),
    ])
    func `what stays on this machine is known by the address, not by its spelling`(text: String, isLocal: Bool) throws {
        #expect(try ListenPlace(text).isLocal == isLocal)
    }

    @Test func `a place that can not be had is named, with what helps`() {
        let inUse = BrokerCommand.words(for: IOError(errnoCode: EADDRINUSE, reason: "bind"), "127.0.0.1:5672")
        #expect(inUse.hasPrefix("127.0.0.1:5672 is in use, perhaps by a RabbitMQ; --listen 127.0.0.1:0 "))
        let low = BrokerCommand.words(for: IOError(errnoCode: EACCES, reason: "bind"), "127.0.0.1:80")
        #expect(low == "127.0.0.1:80 can not be opened by this user: Permission denied")
        let other = BrokerCommand.words(for: IOError(errnoCode: EADDRNOTAVAIL, reason: "bind"), "203.0.113.9:1")
        #expect(other == "203.0.113.9:1 is no address of this machine")
    }
}
