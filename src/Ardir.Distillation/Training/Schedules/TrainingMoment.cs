using System.Runtime.InteropServices;

namespace Ardir.Distillation;

/// <summary>Where a run is when a step begins.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Epochs">Epochs of the run.</param>
/// <param name="Step">The step within the epoch, from 0.</param>
/// <param name="Steps">Steps of an epoch.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TrainingMoment(int Epoch, int Epochs, int Step, int Steps)
{
    /// <summary>Steps before this one in the whole run.</summary>
    public long Done => Epoch * (long)Steps + Step;

    /// <summary>Steps of the whole run.</summary>
    public long Total => Epochs * (long)Steps;
}
