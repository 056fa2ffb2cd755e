using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Ardir.Samples;

/// <summary>
/// Every way to watch a run. The library knows nothing of OpenTelemetry: it names an activity source and a meter, and whoever wants to listen does.
/// Put another exporter in place of the console's for Jaeger, Prometheus or a collector.
/// </summary>
internal sealed class Observe(string output, int epochs)
{
    public void Run(CancellationToken cancellation)
    {
        using var traces = Sdk.CreateTracerProviderBuilder().AddSource(ArdirDiagnostics.Name).AddConsoleExporter().Build();
        // Metrics are told when the provider is disposed, at the end; a service would tell them every few seconds.
        using var metrics = Sdk.CreateMeterProviderBuilder().AddMeter(ArdirDiagnostics.Name)
            .AddConsoleExporter((_, reader) => reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = int.MaxValue).Build();
        using var logging = LoggerFactory.Create(builder => builder.AddOpenTelemetry(options =>
        {
            options.IncludeFormattedMessage = true;
            options.AddConsoleExporter();
        }));
        // What can be opened in a spreadsheet, read line by line, and looked at while it grows.
        var files = TrainingLogs.Combine(
            new CsvTrainingLog(Path.Combine(output, "log.csv")),
            new JsonLinesTrainingLog(Path.Combine(output, "log.jsonl")),
            new TensorBoardTrainingLog(Path.Combine(output, "tensorboard")));

        using var all = ImageDataset.Mnist(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist"), Split.Train, ImageDataset.FashionMnistClassNames);
        using var some = all.Take(1250);
        var (train, validation) = some.HoldOut(250, seed: 1);
        using var trainSet = train;
        using var validationSet = validation;
        using var model = PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2, Seed = 1 });
        var threat = ThreatModel.Linf(0.1);
        using var trainer = new DistillationTrainer(model, null, new AdversarialTrainingLoss(), new TrainerOptions
        {
            Epochs = epochs,
            BatchSize = 50,
            LearningRate = 0.05,
            Milestones = [],
            Crafting = new OwnCrafting(new PgdAttack(threat, new PgdOptions { Steps = 3 })),
            SelectionAttack = new PgdAttack(threat),
            CheckpointDirectory = output,
            Seed = 1,
            Logger = logging.CreateLogger("training"),
        });
        trainer.Fit(train, validation, files, cancellation);
        Console.WriteLine($"Logs: {Path.GetFullPath(output)} (log.csv, log.jsonl; tensorboard --logdir {Path.Combine(output, "tensorboard")})");
    }
}
