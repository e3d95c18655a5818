// What a job is, what is decided about it and what stands on a message are targets of their own, and known everywhere in this one.
@_exported public import MillraceCore
@_exported public import MillraceMessages
