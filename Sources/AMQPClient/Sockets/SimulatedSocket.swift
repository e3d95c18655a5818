#if DEBUG
    package import AMQPCore

    /// What stands in for a socket in a simulation, with its bells: the calls of ``SocketTransport``, one for one.
    package protocol SimulatedSocket: AnyObject, Sendable {
        func write(_ bytes: UnsafeRawBufferPointer) -> DirectWrite
        func read() -> SimulatedRead
        /// What the connection's thread waits for, as bits of `AMQP_READABLE` and its neighbours.
        func setInterest(_ interest: UInt32)
        /// - Returns: Such bits.
        func waitOnThread(milliseconds: Int32) -> UInt32
        func ringThread()
        /// - Returns: Bits of `AMQP_SOCKET` and `AMQP_BELL`.
        func waitInSeat(nanoseconds: UInt64) -> UInt32
        func ringSeat()
        func shutDown()
    }

    /// What a read of a ``SimulatedSocket`` comes to.
    package enum SimulatedRead {
        case octets([UInt8], mayHaveMore: Bool)
        case nothing
        case endOfFile
        case broken(String)
    }

    /// Where the sockets of a simulation come from.
    package protocol SimulatedNetwork: AnyObject, Sendable {
        /// Blocks nobody.
        ///
        /// - Returns: A connected one; nil if nobody listens.
        func connect() -> (any SimulatedSocket)?
    }
#endif
