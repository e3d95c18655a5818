import Glibc
import MillraceHandler
import Subprocess
import SystemPackage

/// How a program has ended, and what that means for its message.
struct ProgramEnd: Sendable {
    enum Way: Sendable, Equatable {
        case exited(Int32)
        case killed(Int32)
        /// It could not be started, which the message has no part in.
        case broken(String)
        /// It could not be started this time.
        case refused(String)
    }

    let way: Way
    let stopped: StopRequest.Reason?
    let output: [UInt8]
    let tail: LineTail
    let maxOutput: Int
    let leftOthers: Bool

    var outcome: Outcome {
        switch self.stopped {
        case .tooMuch(let stream):
            return .retry("it wrote more than \(self.maxOutput) octets to \(stream) (max_output), and was ended")
        case .unreadable(let stream): return .retry("its \(stream) could not be read, and it was ended")
        case .cancelled, nil: break
        }
        switch self.way {
        case .broken(let reason): return .stop(reason)
        case .refused(let reason): return .retry(reason)
        case .killed(let signal): return .retry(self.reason("killed by \(SignalName.of(signal))"))
        case .exited(let code): return self.outcome(code)
        }
    }

    /// The table of the guide.
    private func outcome(_ code: Int32) -> Outcome {
        let reason = self.reason("exit status \(code)")
        return switch code {
        case 0: .ack
        case 65: .reject(reason)
        case 80: .requeue
        case 81: .discard(reason)
        case 82: .stop(reason)
        // 75 asks for another try, and every other failure gets one where the job allows it.
        default: .retry(reason)
        }
    }

    private func reason(_ what: String) -> String {
        let first = self.stopped == .cancelled ? "asked to end early, then \(what)" : what
        return self.tail.text.isEmpty ? first : "\(first): \(self.tail.text)"
    }
}

extension ProgramEnd {
    /// The program did not begin.
    init(failedToStart error: any Error, _ program: Program) {
        let failure = error as? SubprocessError
        let code = failure?.underlyingError?.rawValue
        let words = code.map { String(cString: strerror($0)) } ?? "\(error)"
        let reason = PlainLine.make("program '\(program.path)' could not be started: \(words)")
        let isBroken =
            failure?.code == .executableNotFound || failure?.code == .failedToChangeWorkingDirectory
            || [ENOENT, ENOTDIR, EACCES, EPERM, ENOEXEC, ELOOP, EISDIR].contains(code ?? 0)
        let hint = code == ENOEXEC ? "; a script begins with a line such as #!/bin/sh" : ""
        self.init(
            way: isBroken ? .broken(reason + hint) : .refused(reason),
            stopped: nil,
            output: [],
            tail: LineTail(),
            maxOutput: 0,
            leftOthers: false
        )
    }
}

extension ProgramEnd {
    /// The process ends, and starts no program any more.
    init(neverBegan program: Program) {
        self.init(
            way: .refused(PlainLine.make("program '\(program.path)' was not started: the supervisor ends")),
            stopped: nil,
            output: [],
            tail: LineTail(),
            maxOutput: 0,
            leftOthers: false
        )
    }
}

extension ProgramEnd.Way {
    init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self = .exited(code)
        case .signaled(let signal): self = .killed(signal)
        }
    }
}
