namespace Ardir.Distillation;

/// <summary>How the training of a run ended.</summary>
public enum RunOutcome
{
    /// <summary>After its last epoch.</summary>
    Finished,

    /// <summary>With a non-finite loss or with weights that are not finite. The report shows the run as diverged.</summary>
    Diverged,

    /// <summary>It did not begin, because the training of its teacher diverged.</summary>
    TeacherDiverged,
}
