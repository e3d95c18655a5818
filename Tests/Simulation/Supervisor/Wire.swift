#if DEBUG
    import AMQPBroker
    import AMQPClient
    import AMQPCore
    import CAMQPSystem
    import SimulatedThreads

    /// A connection between a client's ``SocketTransport`` and the broker of a ``Place``: it takes time, cuts octets anywhere, is
    /// full at times, breaks, and reorders nothing.
    // @unchecked Sendable: its `var`s are for the thread that holds the baton.
    final class Wire: SimulatedSocket, @unchecked Sendable {
        let number: Int
        /// What the broker calls it; nil once it knows it no more.
        var connection: ConnectionID?
        private unowned let place: Place
        private var toBroker: [(at: UInt64, octets: [UInt8])] = []
        private var toClient: [(at: UInt64, octets: [UInt8])] = []
        /// When the end of what the client has sent gets to the broker, and the other way.
        private var endToBroker: UInt64?
        private var endToClient: UInt64?
        private var isReset = false
        private var hasShutDown = false
        private var isFullUntil: UInt64 = 0
        private var interest = UInt32(AMQP_READABLE)
        private var threadRings = false
        private var seatRings = false
        private let threadBell = Place.makeBell()
        private let seatBell = Place.makeBell()

        init(_ number: Int, _ place: Place) {
            self.number = number
            self.place = place
        }

        deinit {
            self.threadBell.deallocate()
            self.seatBell.deallocate()
        }

        private var now: UInt64 { self.place.conductor.now() }

        private func rouse() {
            self.place.conductor.rouse(self.threadBell)
            self.place.conductor.rouse(self.seatBell)
        }

        // MARK: The client's end

        func write(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
            self.place.conductor.pause()
            guard !self.isReset, !self.hasShutDown else { return .broken }
            if self.now < self.isFullUntil { return .unavailable }
            var count = bytes.count
            if self.place.isFull() {
                self.isFullUntil = self.now + self.place.latency() * 4
                count = self.place.piece(of: count) - 1
                if count == 0 { return .unavailable }
            }
            let at = max(self.toBroker.last?.at ?? 0, self.now + self.place.latency())
            self.toBroker.append((at, Array(bytes[..<count])))
            self.place.rouse()
            return .wrote(count)
        }

        func read() -> SimulatedRead {
            self.place.conductor.pause()
            if self.isReset { return .broken("Connection reset by peer") }
            guard let first = self.toClient.first, first.at <= self.now else {
                return self.hasEnded ? .endOfFile : .nothing
            }
            let count = self.place.piece(of: first.octets.count)
            if count == first.octets.count {
                self.toClient.removeFirst()
            } else {
                self.toClient[0].octets.removeFirst(count)
            }
            return .octets(Array(first.octets[..<count]), mayHaveMore: self.isReadable)
        }

        private var hasEnded: Bool { self.toClient.isEmpty && (self.endToClient ?? .max) <= self.now }
        private var isReadable: Bool { self.isReset || self.hasEnded || (self.toClient.first?.at ?? .max) <= self.now }
        private var nextArrival: UInt64 { self.toClient.first?.at ?? self.endToClient ?? .max }

        func setInterest(_ interest: UInt32) {
            self.interest = interest
            self.place.conductor.rouse(self.threadBell)
        }

        func waitOnThread(milliseconds: Int32) -> UInt32 {
            let until = self.now + UInt64(max(milliseconds, 0)) * 1_000_000
            self.place.conductor.pause()
            while true {
                let reads = self.interest & UInt32(AMQP_READABLE) != 0
                let writes = self.interest & UInt32(AMQP_WRITABLE) != 0
                var ready: UInt32 = self.isReset || self.hasShutDown ? UInt32(AMQP_READABLE | AMQP_HUNG_UP) : 0
                if reads, self.isReadable { ready |= UInt32(AMQP_READABLE) }
                if writes, self.now >= self.isFullUntil { ready |= UInt32(AMQP_WRITABLE) }
                if ready != 0 { return ready }
                if self.threadRings || self.now >= until {
                    self.threadRings = false
                    return 0
                }
                let next = min(until, reads ? self.nextArrival : .max, writes ? self.isFullUntil : .max)
                self.place.conductor.rest(self.threadBell, until: next)
            }
        }

        func ringThread() {
            self.threadRings = true
            self.place.conductor.wake(self.threadBell, all: true)
        }

        func waitInSeat(nanoseconds: UInt64) -> UInt32 {
            let until = nanoseconds == .max ? .max : self.now + nanoseconds
            self.place.conductor.pause()
            while true {
                let arrival = UInt32(self.isReadable ? AMQP_SOCKET : 0) | UInt32(self.seatRings ? AMQP_BELL : 0)
                if arrival != 0 || self.now >= until {
                    self.seatRings = false
                    return arrival
                }
                let next = min(until, self.nextArrival)
                self.place.conductor.rest(self.seatBell, until: next == .max ? nil : next)
            }
        }

        func ringSeat() {
            self.seatRings = true
            self.place.conductor.wake(self.seatBell, all: true)
        }

        func shutDown() {
            self.hasShutDown = true
            self.endToBroker = max(self.toBroker.last?.at ?? 0, self.now + self.place.latency())
            self.rouse()
            self.place.rouse()
        }

        // MARK: The broker's end

        /// When something gets to the broker.
        var nextAtBroker: UInt64 { self.toBroker.first?.at ?? self.endToBroker ?? .max }

        /// What has got to the broker; nil is the end.
        func takeAtBroker() -> [UInt8]? {
            if !self.toBroker.isEmpty { return self.toBroker.removeFirst().octets }
            self.endToBroker = nil
            return nil
        }

        func send(_ octets: [UInt8]) {
            let at = max(self.toClient.last?.at ?? 0, self.now + self.place.latency())
            self.toClient.append((at, octets))
            self.rouse()
        }

        func end() {
            self.endToClient = max(self.toClient.last?.at ?? 0, self.now + self.place.latency())
            self.rouse()
        }

        /// Both ends see that it is broken; what was on its way is gone.
        func reset() {
            self.isReset = true
            self.toBroker = []
            self.toClient = []
            self.endToBroker = nil
            self.rouse()
        }
    }
#endif
