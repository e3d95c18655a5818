extension CrossChecks {
    /// A handler is asked to end before it is given up, and given up only where the message can be had again.
    func checkKillTimeout(_ job: JobDecoder.DecodedJob) {
        guard let kill = job.settings.killTimeout else { return }
        if job.settings.ackMode?.value == AckPolicy.Mode.none {
            guard let own = job.own.killTimeout else { return }
            self.log.error(
                .conflict,
                own.span,
                "'kill_timeout' has nothing to give back: with 'ack: none' the broker has forgotten the message"
            )
            return
        }
        guard let timeout = job.settings.timeout, kill.value <= timeout.value else { return }
        self.log.error(
            .conflict,
            (job.own.killTimeout ?? job.own.timeout ?? kill).span,
            "'kill_timeout' (\(self.log.shown(kill))) is not after 'timeout'"
                + " (\(self.log.shown(timeout))): the handler would have no time to end",
            help: "both count from the handler's begin; raise 'kill_timeout'"
        )
    }
}
