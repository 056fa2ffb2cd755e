namespace Ardir.Distillation;

/// <summary>A method with a seed.</summary>
internal sealed record ExperimentRun(ExperimentMethod Method, ulong Seed, RunFolder Folder)
{
    public override string ToString() => $"{Method.Name}, seed {Seed}";
}
