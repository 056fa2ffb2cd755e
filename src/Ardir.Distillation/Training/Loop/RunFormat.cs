using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Holds the networks of a run in its memory format, and the teachers in what makes their passes cheaper besides.</summary>
internal sealed class RunFormat : IDisposable
{
    private readonly List<IDisposable> _scopes = [];

    /// <summary>Begins with a student in train mode.</summary>
    public RunFormat(TrainingRun run)
    {
        try
        {
            // What the loss keeps, such as an average, changes during the run, and a copy of its weights would be out of date.
            List<IModule> teachers = [.. run.Setup.Networks.Values.Where(network => !TrainingSetup.IsKeptBy(run.Setup.Loss, network))];
            if (run.Options.FoldBatchNorm) _scopes.AddRange(teachers.Select(one => new FoldedScope(one)));
            if (run.Options.MemoryFormat == MemoryFormat.Contiguous) return;
            using var scope = NewDisposeScope();
            var images = run.FirstImages(Math.Max(1, run.Options.BatchSize / run.Ranks.Size / run.Options.AccumulationSteps));
            // The weights of the student itself, because a backward pass must reach them.
            if (OfStudent(run, images) == MemoryFormat.ChannelsLast) _scopes.Add(new ChannelsLastScope(run.Setup.Student, training: true));
            foreach (var network in teachers)
            {
                // All ranks take part in the choice, also those that do not follow it.
                var format = Of(run, network, images);
                if (!ComputesByWinograd(network, run) && PassFormat.Enter(format, network, images) is { } entered) _scopes.Add(entered);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Lets a frozen network answer by the algorithm of the run. For some passes only: the transformed weights take several times
    /// the memory of the weights, which the passes of the student need more.</summary>
    public static WinogradScope? ForPassesOf(IModule network, TrainerOptions options) =>
        options.Convolutions == ConvolutionAlgorithm.Winograd ? new WinogradScope(network) : null;

    /// <summary>Gives the networks back as they were.</summary>
    public void Dispose()
    {
        foreach (var scope in _scopes) scope.Dispose();
        _scopes.Clear();
    }

    // Its maps are in channels-last order then anyway. Its weights would be there twice, for one or two of the many passes of a step.
    private static bool ComputesByWinograd(IModule network, TrainingRun run)
    {
        using var winograd = ForPassesOf(network, run.Options);
        return winograd is { Count: > 0 };
    }

    private static MemoryFormat OfStudent(TrainingRun run, Tensor images)
    {
        if (run.Options.MemoryFormat != MemoryFormat.Measured) return run.Options.MemoryFormat;
        // In the mode of the attack, which makes most of the passes of a step.
        using var evaluation = run.Setup.Crafting.Images.Any(entry => !entry.TrainMode)
            ? new EvaluationModeScope(run.Weights.Network)
            : null;
        return Of(run, run.Weights.Network, images);
    }

    // Kernels round differently, so all ranks use what is fastest at the first one.
    private static MemoryFormat Of(TrainingRun run, IModule network, Tensor images)
    {
        if (run.Options.MemoryFormat != MemoryFormat.Measured) return run.Options.MemoryFormat;
        var isFaster = run.Ranks.IsFirst && PassFormat.Fastest(network, images) == MemoryFormat.ChannelsLast;
        return run.Ranks.FirstSays(isFaster) ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous;
    }
}
