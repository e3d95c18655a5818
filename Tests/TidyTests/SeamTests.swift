import Foundation
import Testing

/// What the simulator has to have in hand goes through one place each: locks, threads, the clock, waits and chance.
@Suite struct SeamTests {
    private static let rooms = ["Sources/AMQPCore/", "Sources/AMQPClient/", "Sources/Millrace/"]

    /// What is not to be had there, and what stands for it.
    private static let strays = [
        (#"\b(?:Mutex|NIOLock|NIOLockedValueBox|ConditionLock)\b\s*[<(]"#, "a lock is a Monitor"),
        (#"\bpthread_(?:create|mutex_\w+|cond_\w+)"#, "threads are WorkerThread's, locks are Monitor's"),
        (#"\bclock_gettime\b|\bContinuousClock\b|\bSuspendingClock\b"#, "the time is MonotonicClock's or WallClock's"),
        (#"\bTimeOfDay\b"#, "the time of day is WallClock's"),
        (#"\bSystemRandomNumberGenerator\b"#, "chance is ProcessRandom's"),
        (#"\.random\(in: [^)]*\)|\.shuffled\(\)|\.randomElement\(\)"#, "say using: a ProcessRandom"),
        (#"\bTask(?:\.detached)? \{|\bDispatchQueue\b"#, "what runs runs on a WorkerThread"),
        (#"(?<!self)\.wait\(\)"#, "a future is waited for by awaited()"),
    ]

    /// Where it is right all the same.
    private static let exempt: [String: String] = [
        "Sources/AMQPCore/Threads/Monitor.swift": "the lock",
        "Sources/AMQPCore/Threads/WorkerThread.swift": "the thread",
        "Sources/AMQPCore/Threads/MonotonicClock.swift": "the clock",
        "Sources/AMQPCore/Threads/ProcessRandom.swift": "chance",
        "Sources/Millrace/Pools/HostName.swift": "the time of day",
        "Sources/Millrace/CrashLedger/LedgerTime.swift": "when the machine was started, once for a process",
        "Sources/Millrace/CrashLedger/Fingerprint.swift": "a secret of the process, made once for all that run in it",
        "Sources/Millrace/Control/FleetAnswerer.swift": "a name that no other process has",
        "Sources/Millrace/Control/FleetAsker.swift": "a name that no other process has",
    ]

    @Test func `locks, threads, the clock, waits and chance go through one place each`() throws {
        var (files, used) = (0, Set<String>())
        for (path, text) in Repository.everything
        where path.hasSuffix(".swift") && Self.rooms.contains(where: path.hasPrefix) {
            files += 1
            for (number, line) in text.components(separatedBy: "\n").enumerated() {
                if line.trimmingCharacters(in: .whitespaces).hasPrefix("//") { continue }
                let code = line.components(separatedBy: "  //")[0]
                for (stray, instead) in Self.strays where code.range(of: stray, options: .regularExpression) != nil {
                    if code.contains("using:") { continue }
                    guard Self.exempt[path] == nil else {
                        used.insert(path)
                        continue
                    }
                    Issue.record("\(path):\(number + 1): \(instead)")
                }
            }
        }
        #expect(files > 250)
        #expect(used == Set(Self.exempt.keys), "an exception that nobody needs")
    }
}
