import AMQPClient
import Foundation
import Testing

/// A child process.
///
/// Not Foundation's `Process`: that one waits for a pipe which every grandchild inherits, so it never sees the end of
/// a script that leaves a daemon behind.
final class Child {
    let identifier: pid_t
    private let words: String
    private var status: Int32?

    init(
        _ path: String,
        _ arguments: [String],
        environment: [String: String],
        folder: String,
        input: String = "/dev/null",
        output: String = "/dev/null",
        errors: String = "/dev/stderr"
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
        if errors != "/dev/stderr" {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
        }
        // Not the test process's own folder and signals, which other tests share.
        let script = "cd \"$0\" && exec \"$@\""
        let command = ["/bin/sh", "-c", script, folder, path] + arguments
        let merged = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let argv = command.map { strdup($0) } + [nil]
        let envp = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, "/bin/sh", &actions, nil, argv, envp)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        self.identifier = identifier
        self.words = ([path] + arguments).joined(separator: " ")
    }

    func send(_ signal: Int32) { kill(self.identifier, signal) }

    /// Waits for its end.
    ///
    /// A child that hangs costs its own test alone, not the run: it is killed.
    ///
    /// - Parameter patience: How long it may take.
    /// - Returns: The exit status, or 128 and the signal's number.
    func waitForExit(within patience: Duration = .seconds(300)) -> Int32 {
        if let status = self.status { return status }
        let identifier = self.identifier
        let hasEnded = Monitor(false)
        let hung = Monitor(false)
        let watch = try? WorkerThread.start(name: "patience") {
            let deadline = MonotonicClock.deadline(in: patience)
            guard hasEnded.wait(until: deadline, { $0 ? true : nil }) == nil else { return }
            hung.withLock { $0 = true }
            kill(identifier, SIGKILL)
        }
        // Its number stays its own until nobody will kill it any more.
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        hasEnded.withLock { $0 = true }
        hasEnded.broadcast()
        watch?.join()
        if hung.withLock({ $0 }) { Issue.record("after \(patience) it had not ended: \(self.words)") }
        var raw: Int32 = 0
        while waitpid(identifier, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7F
        let status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
        self.status = status
        return status
    }

    deinit {
        if self.status == nil {
            self.send(SIGKILL)
            _ = self.waitForExit()
        }
    }
}
