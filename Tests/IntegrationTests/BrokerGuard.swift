import Foundation
import TestSupport

/// Stops and deletes a broker of a test's own in every case, also when the test process dies: another process waits for
/// the end of a pipe which this process alone holds open.
// @unchecked Sendable: one thread makes it, one waits for it, the first before the second.
final class BrokerGuard: @unchecked Sendable {
    let folder: String
    private let pipe: Int32
    private let child: Child

    /// - Parameter command: `ops/rabbitmq`, which gets `stop --delete`.
    /// - Throws: What the system refuses.
    init(_ command: String) throws {
        self.folder = FileManager.default.temporaryDirectory
            .appending(path: "millrace-broker-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let fifo = self.folder + "/guard"
        guard mkfifo(fifo, 0o600) == 0 else { throw PeerFailure("no pipe: \(String(cString: strerror(errno)))") }
        // For reading too: else it would wait for the guard, which waits for it.
        self.pipe = open(fifo, O_RDWR | O_CLOEXEC)
        // Signals to the whole group of the tests are not for it.
        let script = "trap '' INT TERM HUP; read -r _; exec \"$0\" stop --delete --dir \"$1\""
        self.child = try Child(
            "/bin/sh",
            ["-c", script, command, self.folder],
            environment: [:],
            folder: "/",
            input: fifo
        )
    }

    /// Stops it, and waits until it has stopped.
    func stop() {
        close(self.pipe)
        _ = self.child.waitForExit()
    }
}
