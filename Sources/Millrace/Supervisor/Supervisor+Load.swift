import AMQPClient

extension ChangeNote {
    /// Of somebody who wants something now.
    package static func now(_ actor: String, reason: String? = nil, for time: Duration? = nil) -> ChangeNote {
        let now = Int64(clamping: WallClock.seconds())
        return ChangeNote(actor: actor, reason: reason, since: now, until: time.map { now + $0.components.seconds })
    }
}

/// Job files are read away from the supervisor's thread: a disk, a pipe or a plugin may take its time.
extension Supervisor {
    /// Reads a job file and has it take the place of the one that runs; from any thread.
    ///
    /// - Parameters:
    ///   - path: Which; nil is the one that runs.
    ///   - plan: The digest of a plan that has to be right still.
    ///   - note: Who wants it.
    ///   - reply: Called once, on any thread.
    package func reload(
        path: String?,
        plan: String?,
        _ note: ChangeNote,
        reply: @escaping @Sendable (CommandReply) -> Void
    ) {
        self.options.serviceManager?.reloading()
        let done: @Sendable (CommandReply) -> Void = { [self] answer in
            self.options.serviceManager?.reloaded()
            reply(answer)
        }
        self.load(path) { [self] outcome in
            switch outcome {
            case .success(let loaded): self.ask(.reload(loaded, plan: plan, note), reply: done)
            case .failure(let failure): self.ask(.noteRefusal(failure.description, note), reply: done)
            }
        }
    }

    /// Reads a job file; from any thread.
    ///
    /// - Parameters:
    ///   - path: Which; nil is the one that runs.
    ///   - reply: Called once, on any thread.
    package func load(_ path: String?, reply: @escaping @Sendable (Result<LoadedFile, LoadFailure>) -> Void) {
        guard let load = self.options.load else {
            return reply(.failure(LoadFailure("this program has not said how its job file is read again")))
        }
        do throws(ThreadError) {
            let current = self.board.withLock { $0.identity.path }
            try WorkerThread.start(name: "load") { reply(load(path ?? current)) }.detach()
        } catch {
            reply(.failure(LoadFailure("\(error)")))
        }
    }
}
