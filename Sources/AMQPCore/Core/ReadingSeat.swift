/// The place from which an idle thread waits for the socket itself, instead of being woken by the thread that does.
///
/// One thread at a time sits in it. What it reads goes to every channel of the connection, as with any reader.
///
/// Why: record 7, idle workers read.
package protocol ReadingSeat: AnyObject, Sendable {
    /// Sits down, unless somebody sits there, reading is paused, or the connection has ended.
    func take() -> Bool
    /// Gets up; if nobody sits down soon, whoever has this duty otherwise goes on.
    func leave()
    /// Waits for octets, a ring, or the deadline (nanoseconds of ``MonotonicClock``; nil is without end).
    ///
    /// It may also return for no reason.
    func wait(until deadline: UInt64?) -> SeatWait
    /// Reads what is there, without waiting, and hands it to its channels.
    func read() -> SeatRead
    /// Wakes the thread that sits there. From any thread.
    func ring()
}

/// What a look at the socket from the ``ReadingSeat`` came to; `mustLeave`: reading is paused, or the connection has ended.
package enum SeatRead: Sendable { case nothing, something, mustLeave }

/// How a wait in the ``ReadingSeat`` ended.
package enum SeatWait: Sendable { case readable, rung, deadline }
