#if DEBUG
    import AMQPCore
    import Dispatch
    import NIOCore
    import SimulatedThreads

    /// An event loop on a thread of a ``Conductor``, in its time.
    // @unchecked Sendable: its `var`s are for the thread that holds the baton.
    final class Loop: EventLoop, @unchecked Sendable {
        private let conductor: Conductor
        private let bell = Place.makeBell()
        private var tasks: [() -> Void] = []
        private var timers: [(due: UInt64, order: Int, task: () -> Void)] = []
        private var order = 0
        private var isEnding = false
        private var number = -1

        init(_ conductor: Conductor) throws {
            self.conductor = conductor
            try WorkerThread.start(name: "event-loop") { [self] in
                self.number = conductor.number
                self.run()
            }.detach()
        }

        deinit { self.bell.deallocate() }

        private func run() {
            while true {
                if !self.tasks.isEmpty {
                    self.tasks.removeFirst()()
                    continue
                }
                let first = self.timers.min { ($0.due, $0.order) < ($1.due, $1.order) }
                if let first, first.due <= self.conductor.now() {
                    self.timers.removeAll { $0.order == first.order }
                    first.task()
                } else if self.isEnding {
                    return
                } else {
                    self.conductor.rest(self.bell, until: first?.due)
                }
            }
        }

        private func add(_ task: @escaping () -> Void) {
            self.tasks.append(task)
            self.conductor.rouse(self.bell)
        }

        // MARK: EventLoop

        var inEventLoop: Bool { self.conductor.number == self.number }
        var now: NIODeadline { .uptimeNanoseconds(self.conductor.now()) }
        func next() -> any EventLoop { self }
        func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }
        func execute(_ task: @escaping @Sendable () -> Void) { self.add(task) }

        func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            let promise = self.makePromise(of: T.self)
            self.order += 1
            let order = self.order
            self.timers.append(
                (
                    deadline.uptimeNanoseconds, order,
                    {
                        do {
                            promise.assumeIsolated().succeed(try task())
                        } catch {
                            promise.fail(error)
                        }
                    }
                )
            )
            self.conductor.rouse(self.bell)
            return Scheduled(promise: promise) { self.timers.removeAll { $0.order == order } }
        }

        func scheduleTask<T>(in time: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            self.scheduleTask(deadline: self.now + time, task)
        }

        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            self.isEnding = true
            self.conductor.rouse(self.bell)
        }
    }
#endif
