@echo off
rem deploy.cmd [folder of the site]
rem Kudu on Windows runs it because .deployment says so; on your own IIS you run it yourself. Every site gets its own
rem virtual environment in its folder env. Nothing is copied before the packages are installed, so a failure leaves the old
rem version as it was. Nothing of the site is deleted, and its .env stays. PYTHON names another python.exe.
setlocal EnableExtensions DisableDelayedExpansion

set "SOURCE=%~dp0."
if defined DEPLOYMENT_SOURCE set "SOURCE=%DEPLOYMENT_SOURCE%"
set "TARGET=%~1"
if not defined TARGET set "TARGET=%DEPLOYMENT_TARGET%"
if not defined PYTHON set "PYTHON=py"
set "PROBLEM=Say where the site is: deploy.cmd C:\inetpub\FlaskAppAML"
if not defined TARGET goto failed
for %%P in ("%SOURCE%") do set "SOURCE=%%~fP"
for %%P in ("%TARGET%") do set "TARGET=%%~fP"
set "VENV_PYTHON=%TARGET%\env\Scripts\python.exe"
set "PROBLEM=There is no requirements.txt in %SOURCE%, so this is not the folder of the app."
if not exist "%SOURCE%\requirements.txt" goto failed

echo FlaskAppAML: from %SOURCE% to %TARGET%
if exist "%VENV_PYTHON%" goto install
set "PROBLEM=%PYTHON% is no Python of version 3.11 or newer. Install one, or name it: set PYTHON=C:\Python312\python.exe"
"%PYTHON%" -c "import sys; sys.exit(sys.version_info < (3, 11))"
if %errorlevel% neq 0 goto failed
echo Making the virtual environment %TARGET%\env
set "PROBLEM=The virtual environment %TARGET%\env could not be made. May this account write there?"
"%PYTHON%" -m venv "%TARGET%\env"
if %errorlevel% neq 0 goto failed

:install
echo Installing requirements.txt
set "PROBLEM=pip could not install requirements.txt; its own words stand above. If a file is in use, stop the site first."
"%VENV_PYTHON%" -m pip install --disable-pip-version-check --quiet -r "%SOURCE%\requirements.txt"
if %errorlevel% neq 0 goto failed

if not exist "%TARGET%\logs" mkdir "%TARGET%\logs"
if /i "%SOURCE%"=="%TARGET%" goto restart
echo Copying
set "PROBLEM=The files could not be copied to %TARGET%; robocopy's own words stand above."
robocopy "%SOURCE%" "%TARGET%" /E /NJH /NJS /NDL /NFL /NP /R:2 /W:2 ^
    /XD "%SOURCE%\.git" "%SOURCE%\env" "%SOURCE%\instance" "%SOURCE%\logs" /XF "%SOURCE%\.env"
if %errorlevel% geq 8 goto failed

:restart
rem IIS starts the site anew when web.config is newer than before.
set "PROBLEM=There is no web.config in %TARGET%, so IIS would not know how to start the app."
"%VENV_PYTHON%" -c "import os, sys; os.utime(sys.argv[1])" "%TARGET%\web.config"
if %errorlevel% neq 0 goto failed
echo Done.
exit /b 0

:failed
echo DEPLOYMENT FAILED. %PROBLEM% 1>&2
exit /b 1
