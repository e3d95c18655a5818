#if DEBUG
    import CAMQPSystem

    /// What stands in for the system's threads, locks and clocks where the simulator runs: one thread at a time, in a time of its
    /// own.
    ///
    /// ``Monitor``, ``WorkerThread``, ``MonotonicClock`` and ``ProcessRandom`` turn to it, in debug builds alone, and only on threads
    /// that belong to one. A lock is named by its address.
    package protocol ThreadWorld: AnyObject, Sendable {
        /// What sockets are here; whoever connects knows what that is.
        var network: (any AnyObject & Sendable)? { get }
        /// Nanoseconds of its clock.
        func now() -> UInt64
        /// Milliseconds since 1970.
        func timeOfDay() -> Int64
        func random() -> UInt64
        func lock(_ lock: UnsafeRawPointer)
        func unlock(_ lock: UnsafeRawPointer)
        /// Releases the lock, sleeps until woken or the deadline, and takes it again.
        func sleep(_ lock: UnsafeRawPointer, until deadline: UInt64?)
        func wake(_ lock: UnsafeRawPointer, all: Bool)
        /// The calling thread looks again and again at something: others may go on.
        func pause()
        /// A thread is about to be started.
        ///
        /// - Returns: Its number, and what it has to run.
        func begin(_ name: String, _ body: @escaping @Sendable () -> Void) -> (number: Int, body: @Sendable () -> Void)
        /// The thread of that number is there.
        func started(_ number: Int)
        func join(_ number: Int)
    }

    /// To which world the calling thread belongs.
    package enum CurrentWorld {
        private final class Holder: Sendable {
            let world: any ThreadWorld
            init(_ world: any ThreadWorld) { self.world = world }
        }

        /// Nil on a thread of the system.
        package static var world: (any ThreadWorld)? {
            guard let holder = amqp_world() else { return nil }
            return Unmanaged<Holder>.fromOpaque(holder).takeUnretainedValue().world
        }

        /// Runs `body` as a part of a world.
        package static func enter(_ world: any ThreadWorld, _ body: () -> Void) {
            let holder = Unmanaged.passRetained(Holder(world))
            amqp_set_world(holder.toOpaque())
            body()
            amqp_set_world(nil)
            holder.release()
        }
    }
#endif
