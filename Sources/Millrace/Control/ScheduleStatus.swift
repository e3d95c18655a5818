/// How a schedule stands in one supervisor.
package struct ScheduleStatus: Sendable, Equatable {
    package let name: String
    package let queue: String
    /// Who has it rest here; nil if this supervisor ticks it when it is its turn.
    package let pause: ChangeNote?
}
