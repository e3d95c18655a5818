package import AMQPClient
import Glibc

extension PeerListener {
    /// The same for a client that connects more than once: a script for each connection, each on a thread of its own.
    ///
    /// - Parameters:
    ///   - script: Gets the connection's number, from 1.
    ///   - client: When it ends no more connections are taken.
    /// - Returns: What the client returned, when every script has ended.
    /// - Throws: What the first script threw that threw; else what the client threw.
    package static func runEach<R>(
        _ script: @escaping @Sendable (_ number: Int, ScriptedPeer) throws -> Void,
        client: (Endpoint) throws -> R
    ) throws -> R {
        let (listener, port) = try Self.listen(backlog: 16)
        let state = Monitor(ManyPeers())
        Task(executorPreference: OwnThread()) {
            var number = 0
            while true {
                let accepted = accept(listener, nil, nil)
                guard accepted >= 0 else { break }
                number += 1
                let own = number
                state.withLock { $0.running += 1 }
                Self.limitReads(accepted)
                Task(executorPreference: OwnThread()) {
                    defer { close(accepted) }
                    let result = Result { try script(own, ScriptedPeer(descriptor: accepted)) }
                    state.withLock { state in
                        state.running -= 1
                        if case .failure(let error) = result, state.failure == nil { state.failure = error }
                    }
                    state.broadcast()
                }
            }
            state.withLock { $0.isClosed = true }
            state.broadcast()
        }
        let result = Result { try client(Endpoint(host: "127.0.0.1", port: port)) }
        shutdown(listener, Int32(SHUT_RDWR))
        let failure: (any Error)?? = state.wait(until: nil) { state in
            state.isClosed && state.running == 0 ? .some(state.failure) : nil
        }
        close(listener)
        if case .some(.some(let error)) = failure { throw error }
        return try result.get()
    }
}

/// What became of the scripts.
private struct ManyPeers {
    var running = 0
    var isClosed = false
    var failure: (any Error)?
}
