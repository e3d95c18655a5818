import AMQPCore

/// Where an owner waits in a simulation: all that happens meanwhile happens in here.
// @unchecked Sendable: a simulation has one thread.
final class SimulationSeat: ReadingSeat, @unchecked Sendable {
    /// One step of the others; false when they have nothing left that could end the wait.
    var step: () -> Bool = { false }

    func take() -> Bool { true }
    func leave() {}
    func wait(until deadline: UInt64?) -> SeatWait { self.step() ? .rung : .deadline }
    func read() -> SeatRead { .nothing }
    func ring() {}
}
