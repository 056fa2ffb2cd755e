using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Trains and attacks the network of one run.</summary>
internal sealed class RunExecution(ExperimentSetup setup)
{
    /// <summary>Does what is left to do for a run and saves its record after each step.</summary>
    /// <param name="run">The run, whose lock is held.</param>
    /// <param name="record">What is done already; null for nothing.</param>
    /// <param name="board">Knows the teachers.</param>
    /// <param name="reporter">Is told what happens.</param>
    /// <param name="cancellationToken">Stops.</param>
    public RunRecord Run(
        ExperimentRun run, RunRecord? record, RunBoard board, RunReporter reporter, CancellationToken cancellationToken)
    {
        record ??= board.FailedTeacher(run) is { } failed
            ? Failed(run, RunOutcome.TeacherDiverged, $"The training of the teacher '{failed.Method}' ended early: {failed.Message}")
            : Train(run, reporter, cancellationToken);
        record.Save(run.Folder.Record);
        // What the trainer needs to resume is not needed any more. After a diverged training it shows where and on which batch.
        if (record.Outcome == RunOutcome.Finished) DeleteFolder(run.Folder.Training);
        foreach (var (attack, weights) in setup.Missing(run, record))
        {
            reporter.Activity($"{attack.Name}, {weights.ToString().ToLowerInvariant()} weights");
            var evaluation = Attack(run, attack, weights, reporter, cancellationToken);
            var others = record.Evaluations.Where(other => (other.Attack, other.Weights) != (attack.Name, weights));
            record = record with { Evaluations = [.. others, evaluation] };
            record.Save(run.Folder.Record);
            run.Folder.DeleteStates(attack.Name, weights);
        }
        return record;
    }

    private RunRecord Train(ExperimentRun run, RunReporter reporter, CancellationToken cancellationToken)
    {
        reporter.Activity("training");
        var method = run.Method;
        using var student = setup.Network(run);
        using var teacher = Teacher(method.Teacher, run.Seed);
        using var standard = Teacher(method.StandardTeacher, run.Seed);
        using var trainer = setup.Trainer(method, run.Seed, new RunNetworks(student, teacher, standard), run.Folder.Training);
        try
        {
            var result = trainer.Fit(setup.Images.Train, setup.Images.Validation, reporter, cancellationToken);
            Keep(run, trainer, student);
            return Record(run, RunOutcome.Finished) with { Epochs = result.Epochs, BestEpoch = result.Best.Epoch };
        }
        catch (TrainingDivergedException e)
        {
            return Failed(run, RunOutcome.Diverged, e.Message);
        }
    }

    private static void DeleteFolder(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        }
        catch (IOException)
        {
            // Some network disks keep a deleted file that is still open. What is left does no harm.
        }
    }

    private static void Keep(ExperimentRun run, DistillationTrainer trainer, nn.Module student)
    {
        run.Folder.DeleteStates();
        student.SaveSafetensors(run.Folder.WeightsOf(KeptWeights.Last));
        trainer.RestoreBest();
        student.SaveSafetensors(run.Folder.WeightsOf(KeptWeights.Best));
        if (run.Method.AverageFrom is null) return;
        trainer.RestoreAverage();
        student.SaveSafetensors(run.Folder.WeightsOf(KeptWeights.Average));
    }

    private nn.Module<Tensor, Tensor>? Teacher(string? name, ulong seed)
    {
        if (name is null) return null;
        var run = setup.RunOf(name, seed);
        return Trained(run, run.Method.Report);
    }

    private nn.Module<Tensor, Tensor> Trained(ExperimentRun run, KeptWeights weights)
    {
        var network = setup.Network(run);
        try
        {
            network.LoadWeights(run.Folder.WeightsOf(weights));
            network.to(setup.Options.Device);
            network.eval();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private RunEvaluation Attack(
        ExperimentRun run, ExperimentAttack attack, KeptWeights weights, RunReporter reporter, CancellationToken cancellationToken)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        using var network = Trained(run, weights);
        using var chosen = setup.Images.Test.Take(attack.Images ?? setup.Images.Test.Count);
        using var test = chosen.To(setup.Options.Device);
        var context = new AttackContext
        {
            Seed = run.Seed, CancellationToken = cancellationToken, Progress = reporter, Logger = setup.Options.Logger,
        };
        var identity = setup.IdentityOf(attack, run);
        var made = ExperimentAttacks.Create(attack, setup, run.Seed, run.Folder.StateOf(attack.Name, weights, identity));
        var outcome = made is AutoAttack ensemble ? Attack(ensemble, network, test, context) : Attack(made, network, test, context);
        return new RunEvaluation
        {
            Attack = attack.Name,
            Weights = weights,
            Identity = identity,
            Images = test.Count,
            Correct = outcome.Correct.Count(right => right),
            Robust = outcome.Robust.Count(right => right),
            Findings = [.. outcome.Findings.Select(finding => finding.Message)],
            SampleEvaluations = outcome.Attacks.Sum(cost => cost.SampleForwards + cost.SampleBackwards),
            Elapsed = started.Elapsed,
        };
    }

    // An ensemble is called directly, because only its own report comes from its state file.
    private static RobustnessResult Attack(AutoAttack attack, nn.Module<Tensor, Tensor> network, ImageDataset test, AttackContext context)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = test.Batch([.. Enumerable.Range(0, test.Count).Select(i => (long)i)]);
        using var report = attack.Evaluate(network, images, labels, context);
        return new RobustnessResult
        {
            Correct = report.Correct, Robust = report.Robust, Findings = report.Findings, Attacks = report.Attacks,
        };
    }

    private RobustnessResult Attack(IAttack attack, nn.Module<Tensor, Tensor> network, ImageDataset test, AttackContext context)
    {
        var options = new EvaluationOptions { BatchSize = setup.Options.EvaluationBatchSize, Context = context };
        return RobustnessEvaluator.Evaluate(network, test, attack, options);
    }

    private RunRecord Failed(ExperimentRun run, RunOutcome outcome, string message) => Record(run, outcome) with { Message = message };

    private RunRecord Record(ExperimentRun run, RunOutcome outcome) => new()
    {
        Method = run.Method.Name,
        Seed = run.Seed,
        Identity = setup.IdentityOf(run),
        Outcome = outcome,
        Environment = RunEnvironment.Of(setup.Options.Device),
    };
}
