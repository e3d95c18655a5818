import AMQPClient

/// What operators change of schedules while it runs. On the supervisor's thread.
extension Supervisor {
    /// Has a schedule rest in this supervisor, or go on.
    func setSchedulePause(_ name: String, _ isPaused: Bool, _ note: ChangeNote) -> CommandReply {
        let names = self.scheduler.schedules.map(\.name)
        guard names.contains(name) else {
            let nearest = NearestName.of(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
            return .refused("there is no schedule '\(name)'\(nearest)")
        }
        self.board.withLock { $0.overrides.setSchedule(name, paused: isPaused ? note : nil) }
        self.applySchedules()
        self.write("\(isPaused ? "pause" : "resume") schedule \(name)", note)
        let others = "other supervisors of this file go on ticking it; pause it there too"
        return .noted((isPaused ? [others] : []) + self.keep())
    }

    /// Makes schedules be as the overrides say.
    func applySchedules() { self.scheduler.pause(Set(self.board.withLock { $0.overrides.schedules.keys })) }
}
