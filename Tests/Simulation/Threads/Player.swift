#if DEBUG
    import Glibc

    /// A thread of a ``Conductor``.
    // @unchecked Sendable: as the conductor's, its `var`s are for the thread that holds the baton.
    package final class Player: @unchecked Sendable {
        enum State {
            /// There is no thread yet.
            case begun
            case ready
            case locking(UnsafeRawPointer)
            /// Gave a lock back that it takes again.
            case sleeping(UnsafeRawPointer, until: UInt64?)
            /// The same without a lock.
            case resting(UnsafeRawPointer, until: UInt64?)
            case joining(Player)
            case ended
        }
        package let number: Int
        package let name: String
        var state = State.begun
        private var body: (@Sendable () -> Void)?
        /// Its turn.
        private let turn: UnsafeMutablePointer<sem_t>

        init(number: Int, name: String, _ body: @escaping @Sendable () -> Void) {
            (self.number, self.name, self.body) = (number, name, body)
            self.turn = .allocate(capacity: 1)
            sem_init(self.turn, 0, 0)
        }

        deinit {
            sem_destroy(self.turn)
            self.turn.deallocate()
        }

        package var hasEnded: Bool { if case .ended = self.state { true } else { false } }

        func pass() { sem_post(self.turn) }
        func await() { while sem_wait(self.turn) != 0 {} }

        /// Once; what it held is let go on its own thread.
        func perform() {
            let body = self.body
            self.body = nil
            body?()
        }
    }
#endif
