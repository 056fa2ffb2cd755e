using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>The optimiser of one run and the tensors that it trains: those of the student, then those of the loss.</summary>
internal sealed class RunOptimizer : IDisposable
{
    private readonly OptimizerHelper _optimizer;
    private readonly List<(optim.ILearningRateController Group, double Share)> _groups;

    // The optimiser's state belongs to the tensors it was made with, so it is made after the student was converted.
    public RunOptimizer(TrainerOptions options, StudentWeights weights, nn.Module? loss)
    {
        Student = weights.Trained;
        Loss = loss is null ? [] : [.. loss.named_parameters().Where(pair => pair.parameter.requires_grad)];
        Trained = [.. Student.Concat(Loss).Select(pair => pair.Parameter)];
        _optimizer = options.Optimizer.Create(Trained, options.LearningRate)
            ?? throw new InvalidOperationException($"TrainerOptions.Optimizer ({options.Optimizer}) made no optimiser; it returned null.");
        RefuseStrangers(options.Optimizer);
        // Exactly 1 for a group of the rate it was given.
        _groups = [.. _optimizer.ParamGroups.Select(group => (group, group.LearningRate / options.LearningRate))];
    }

    /// <summary>What is trained of the student, by name.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Student { get; }

    /// <summary>What is trained of the loss, by name.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Loss { get; }

    public IReadOnlyList<Parameter> Trained { get; }

    public void SetRate(double rate)
    {
        foreach (var (group, share) in _groups) group.LearningRate = rate * share;
    }

    /// <summary>Sets all gradients to null, not to zero: a parameter that the loss does not use in some epochs would still be changed by
    /// weight decay and momentum when its gradient is zero, but not after a resume, when it has no gradient. The caller may have left
    /// gradients behind, too.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in Trained) parameter.grad = null;
    }

    public void Step() => _optimizer.step();

    /// <summary>The state of each parameter, as the optimiser keeps it.</summary>
    public IEnumerable<(string Name, Parameter Parameter, OptimizerState State)> States(
        IReadOnlyList<(string Name, Parameter Parameter)> named)
    {
        // By handle, because an optimiser of the user's may have put the parameters into groups of another order.
        var states = _optimizer.parameters().Zip(_optimizer.state_dict().State)
            .ToDictionary(pair => pair.First.Handle, pair => pair.Second);
        foreach (var (name, parameter) in named)
            if (states.TryGetValue(parameter.Handle, out var state)) yield return (name, parameter, state);
    }

    public void Dispose() => _optimizer.Dispose();

    // A function that does not use its argument may have kept parameters of another network, or those that the student had before its
    // conversion; the student would not be trained, and no checkpoint would hold what is.
    private void RefuseStrangers(TrainingOptimizer option)
    {
        var given = Trained.Select(parameter => parameter.Handle).ToHashSet();
        if (_optimizer.parameters().All(parameter => given.Contains(parameter.Handle))) return;
        Dispose();
        throw new InvalidOperationException(
            $"TrainerOptions.Optimizer ({option}) trains parameters that it was not given. Make it with the parameters that Create is " +
            "called with; parameters of the loss come from IDistillationLoss.Trainable.");
    }
}
